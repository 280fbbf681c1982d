import { defineConfig } from "@playwright/test";

// Stories of the office, in a real Chromium, against the real server with the demo township.
export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  reporter: [["list"]],
  // Two processors, a server and a browser in each: more at a time would only wait for each other.
  workers: 2,
  // A story that hangs is told after this long; a slow machine is no failure.
  timeout: 240_000,
  expect: { timeout: 40_000 },
  use: {
    viewport: { width: 1366, height: 768 },
    locale: "zh-CN",
    timezoneId: "Asia/Shanghai",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
