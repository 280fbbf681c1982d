// Every page of the desk. What a page shows is in its address, so that it can be sent to somebody.

import { createRouter, createWebHistory } from "vue-router";

import { session } from "./api.js";

export const router = createRouter({
  history: createWebHistory("/office/"),
  routes: [
    { path: "/sign-in", name: "sign-in", component: () => import("./pages/SignInPage.vue") },
    { path: "/", name: "overview", component: () => import("./pages/OverviewPage.vue") },
    { path: "/hazards", name: "ledger", component: () => import("./pages/LedgerPage.vue") },
    { path: "/hazards/:id", name: "hazard", component: () => import("./pages/HazardPage.vue"), props: true },
    { path: "/review", name: "review", component: () => import("./pages/ReviewPage.vue") },
    { path: "/review/duplicates", name: "duplicates", component: () => import("./pages/DuplicatesPage.vue") },
    { path: "/review/returns", name: "returns", component: () => import("./pages/ReturnsPage.vue") },
    { path: "/aside", name: "aside", component: () => import("./pages/AsidePage.vue") },
    { path: "/due", name: "due", component: () => import("./pages/DuePage.vue") },
    { path: "/orders", name: "orders", component: () => import("./pages/OrdersPage.vue") },
    { path: "/reports/:month?", name: "reports", component: () => import("./pages/ReportsPage.vue"), props: true },
    { path: "/sites", name: "sites", component: () => import("./pages/SitesPage.vue") },
    { path: "/settings/:part?", name: "settings", component: () => import("./pages/SettingsPage.vue"), props: true },
    { path: "/villages", name: "villages", component: () => import("./pages/VillagesPage.vue") },
    { path: "/campaigns/:id?", name: "campaigns", component: () => import("./pages/CampaignsPage.vue"), props: true },
    { path: "/checklists", name: "checklists", component: () => import("./pages/ChecklistsPage.vue") },
    { path: "/audit", name: "audit", component: () => import("./pages/AuditPage.vue") },
    { path: "/people", name: "people", component: () => import("./pages/PeoplePage.vue") },
    { path: "/:rest(.*)*", redirect: "/" },
  ],
});

router.beforeEach((to) => {
  if (to.name !== "sign-in" && !session.who) return { name: "sign-in", query: { to: to.fullPath } };
  return true;
});
