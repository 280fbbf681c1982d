// Making room on the phone, on whichever page somebody asks for it.

import { showToast } from "vant";
import "vant/es/toast/style";

import type { Translate } from "../i18n.js";
import { host } from "./host.js";
import { bytesWords } from "./words.js";

/** Removes the pictures that the office has, and says how much room that made. */
export async function freeSpace(t: Translate): Promise<void> {
  showToast(t("app.me.freed", { size: bytesWords(await host.freeSpace()) }));
}
