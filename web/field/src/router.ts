// Every page of the app, on one page. Each is loaded when it is first opened; the service worker has them all.

import { createRouter, createWebHistory } from "vue-router";

import { known, useStatus } from "./composables/host.js";

export const router = createRouter({
  history: createWebHistory("/field/"),
  routes: [
    { path: "/", name: "home", component: () => import("./pages/HomePage.vue"), meta: { tab: true } },
    { path: "/hazards", name: "hazards", component: () => import("./pages/HazardsPage.vue"), meta: { tab: true } },
    { path: "/sites", name: "sites", component: () => import("./pages/SitesPage.vue"), meta: { tab: true } },
    { path: "/me", name: "me", component: () => import("./pages/MePage.vue"), meta: { tab: true } },
    { path: "/sign-in", name: "sign-in", component: () => import("./pages/SignInPage.vue") },
    { path: "/inspect/:draft", name: "inspect", component: () => import("./pages/InspectPage.vue"), props: true },
    { path: "/report/:draft", name: "report", component: () => import("./pages/ReportHazardPage.vue"), props: true },
    { path: "/hazards/:id", name: "hazard", component: () => import("./pages/HazardPage.vue"), props: true },
    { path: "/rectify/:draft", name: "rectify", component: () => import("./pages/RectifyPage.vue"), props: true },
    { path: "/reinspect/:draft", name: "reinspect", component: () => import("./pages/ReinspectPage.vue"), props: true },
    { path: "/sites/:id", name: "site", component: () => import("./pages/SitePage.vue"), props: true },
    { path: "/inspections/:id", name: "inspection", component: () => import("./pages/InspectionPage.vue"), props: true },
    { path: "/orders/:id", name: "order", component: () => import("./pages/OrderPage.vue"), props: true },
    { path: "/month/:village/:month", name: "month", component: () => import("./pages/MonthPage.vue"), props: true },
    { path: "/campaigns/:id", name: "campaign", component: () => import("./pages/CampaignPage.vue"), props: true },
    { path: "/sync", name: "sync", component: () => import("./pages/SyncPage.vue") },
    { path: "/:rest(.*)*", redirect: "/" },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
});

// Whoever is not signed in sees nothing but the form for it, and need not load the page that is behind it.
router.beforeEach(async (to) => {
  await known;
  return useStatus().value.phase === "signed_out" && to.name !== "sign-in" ? { name: "sign-in" } : true;
});
