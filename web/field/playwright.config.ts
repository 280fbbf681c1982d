import { defineConfig } from "@playwright/test";

// Stories of an inspector's day, in a real Chromium, against the real server with the demo township.
export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  reporter: [["list"]],
  // Two processors, a server and a browser in each: more at a time would only wait for each other.
  workers: 2,
  // A story that hangs is told after this long; a slow machine is no failure.
  timeout: 240_000,
  expect: { timeout: 40_000 },
  projects: [
    { name: "phone", use: { viewport: { width: 390, height: 844 } } },
    // Each kind of story once more on the smallest screen that is in use.
    { name: "small", grep: /@small/, use: { viewport: { width: 320, height: 568 } } },
  ],
  use: {
    hasTouch: true,
    isMobile: true,
    deviceScaleFactor: 2,
    locale: "zh-CN",
    timezoneId: "Asia/Shanghai",
    geolocation: { latitude: 29.563, longitude: 106.551, accuracy: 8 },
    permissions: ["geolocation"],
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
