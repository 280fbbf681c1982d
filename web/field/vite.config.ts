import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { VantResolver } from "@vant/auto-import-resolver";
import vue from "@vitejs/plugin-vue";
import Components from "unplugin-vue-components/vite";
import { defineConfig, type Plugin } from "vite";
import { VitePWA } from "vite-plugin-pwa";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Vant's icon font is larger than the rest of its styles together; the app draws the icons that it uses itself. */
const ownIcons: Plugin = {
  name: "own-icons",
  enforce: "pre",
  load: (id) => (id.split("?")[0]?.endsWith("/vant/es/icon/index.css") ? readFileSync(here("src/theme/icons.css"), "utf8") : null),
};

/** The worker and sync-core are asked for together with the page's own code: on a slow network each that waits for another costs a round trip. */
const aheadOfTheWorker: Plugin = {
  name: "ahead-of-the-worker",
  transformIndexHtml: {
    order: "post",
    handler: (_html, { bundle }) => {
      const named = (pattern: RegExp) => Object.keys(bundle ?? {}).filter((name) => pattern.test(name));
      const link = (href: string, attrs: Record<string, string>) => ({ tag: "link", attrs: { ...attrs, href: `/field/${href}` }, injectTo: "head" as const });
      return [
        ...named(/worker-[^/]*\.js$/).map((name) => link(name, { rel: "modulepreload" })),
        ...named(/\.wasm$/).map((name) => link(name, { rel: "preload", as: "fetch", crossorigin: "" })),
      ];
    },
  },
};

export default defineConfig({
  base: "/field/",
  plugins: [
    vue(),
    ownIcons,
    aheadOfTheWorker,
    // Vant's parts come in one by one, each with its style, where a template names them.
    Components({ dts: false, dirs: [], resolvers: [VantResolver()] }),
    VitePWA({
      // A new version never takes over while somebody works: the page asks.
      registerType: "prompt",
      injectRegister: false,
      workbox: {
        globPatterns: ["**/*.{html,js,css,wasm,svg,png,webmanifest}"],
        navigateFallback: "/field/index.html",
        navigateFallbackAllowlist: [/^\/field\//],
        maximumFileSizeToCacheInBytes: 4_000_000,
        cleanupOutdatedCaches: true,
      },
      manifest: {
        id: "/field/",
        name: "隐患台账",
        short_name: "隐患台账",
        description: "村级安监员的检查、隐患与整改记录，离线可用",
        lang: "zh-CN",
        start_url: "/field/",
        scope: "/field/",
        display: "standalone",
        orientation: "portrait",
        background_color: "#ffffff",
        theme_color: "#0b5cad",
        icons: [
          { src: "icon-192.png", sizes: "192x192", type: "image/png" },
          { src: "icon-512.png", sizes: "512x512", type: "image/png" },
          { src: "icon-maskable-512.png", sizes: "512x512", type: "image/png", purpose: "maskable" },
        ],
      },
    }),
  ],
  worker: { format: "es" },
  // Nothing here, and nothing of Vant's, is written by Vue's older way.
  define: { __VUE_OPTIONS_API__: "false" },
  build: { outDir: here("../dist/field"), emptyOutDir: true, target: "es2022", sourcemap: false, reportCompressedSize: true },
  server: { host: "127.0.0.1", proxy: { "/api": process.env.HAZARD_URL ?? "http://127.0.0.1:8080" } },
});
