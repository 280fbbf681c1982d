import { mergeConfig } from "vite";
import { defineConfig } from "vitest/config";

import app from "./vite.config.js";

// Patience is for slow machines; nothing is measured by it.
export default mergeConfig(app, defineConfig({ test: { include: ["tests/**/*.test.ts"], benchmark: { include: ["tests/**/*.bench.ts"] }, testTimeout: 60_000, hookTimeout: 60_000 } }));
