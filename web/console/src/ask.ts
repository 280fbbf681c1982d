// A page's question to the server: asked at the start, whenever its subject changes, and when the ledger has moved.

import { ElMessage } from "element-plus";
import "element-plus/es/components/message/style/css";
import { onBeforeUnmount, ref, shallowRef, watch, type WatchSource } from "vue";

import { Problem } from "./api.js";
import { i18n } from "./i18n.js";

const listeners = new Set<() => void>();

/** The township's ledger has moved: every page asks again. */
export function moved(): void {
  for (const listener of listeners) listener();
}

/** Why something did not work, in words. */
export function words(error: unknown): string {
  const { t, te } = i18n.global;
  if (!(error instanceof Problem)) return String(error);
  if (error.code === "network") return t("office.network");
  // What a page says itself is in words already.
  if (Object.keys(error.body).length === 0) return error.message || error.code;
  const lost = error.body["lost"];
  const code = Array.isArray(lost) && lost.includes("joined") ? "joined" : error.code;
  const known = te(`office.refusals.${code}`) ? t(`office.refusals.${code}`) : "";
  // What the server says beside it tells which field, where no word of ours does.
  return known ? (code === "change_refused" ? `${known}（${error.message}）` : known) : error.message || error.code;
}

/** Says that something did not work. */
export function complain(error: unknown): void {
  ElMessage.error({ message: i18n.global.t("office.failed", { why: words(error) }), duration: 6000, showClose: true });
}

export function tell(text: string): void {
  ElMessage.success(text);
}

/** Does one thing at a time, and says so when it did not work. */
export function useAct() {
  const isBusy = ref(false);

  async function act(what: () => Promise<unknown>): Promise<boolean> {
    if (isBusy.value) return false;
    isBusy.value = true;
    try {
      await what();
      return true;
    } catch (error) {
      complain(error);
      return false;
    } finally {
      isBusy.value = false;
    }
  }

  return { isBusy, act };
}

/** The answer to a question, asked anew when `of` changes or the ledger moves. Of two answers the later question's counts. */
export function useAnswer<T>(question: () => Promise<T>, of?: WatchSource<unknown>, isLive = true) {
  const answer = shallowRef<T>();
  const [isAsking, failure] = [ref(false), ref("")];
  let asked = 0;

  async function ask(): Promise<void> {
    const mine = ++asked;
    isAsking.value = true;
    try {
      const given = await question();
      if (mine !== asked) return;
      answer.value = given;
      failure.value = "";
    } catch (error) {
      if (mine === asked) failure.value = words(error);
    } finally {
      if (mine === asked) isAsking.value = false;
    }
  }

  const again = () => void ask();
  if (isLive) listeners.add(again);
  onBeforeUnmount(() => listeners.delete(again));
  if (of) watch(of, again);
  again();
  return { answer, isAsking, failure, ask };
}
