import { fileURLToPath } from "node:url";

import VueI18n from "@intlify/unplugin-vue-i18n/vite";
import vue from "@vitejs/plugin-vue";
import { ElementPlusResolver } from "unplugin-vue-components/resolvers";
import Components from "unplugin-vue-components/vite";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  base: "/office/",
  plugins: [
    vue(),
    // Element's parts come in one by one, each with its style, where a template names them.
    Components({ dts: false, dirs: [], resolvers: [ElementPlusResolver()] }),
    VueI18n({
      include: [here("src/strings/**/*.json"), here("../field/src/strings/**/*.json")],
      strictMessage: false,
      dropMessageCompiler: true,
    }),
  ],
  define: { __VUE_I18N_LEGACY_API__: false, __VUE_I18N_FULL_INSTALL__: false, __INTLIFY_PROD_DEVTOOLS__: false },
  build: { outDir: here("../dist/office"), emptyOutDir: true, target: "es2022", sourcemap: false, chunkSizeWarningLimit: 700 },
  server: { host: "127.0.0.1", proxy: { "/api": process.env.HAZARD_URL ?? "http://127.0.0.1:8080" } },
});
