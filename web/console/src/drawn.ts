// Long lists are drawn in parts, so that a press is answered between them and not after all of them.

import { computed, onBeforeUnmount, ref, type Ref, watch, type WatchSource } from "vue";

/** More than a screen shows; drawn in about a tenth of a second on a slow computer. */
const PART = 20;

/**
 * The rows that are drawn: of the answer to another question (`of`) a screenful at once, then as many more with each frame. Of the
 * same question's next answer as many as before, so that nothing jumps under a reader.
 */
export function useDrawn<Row>(rows: Ref<Row[]>, of: WatchSource<unknown>): Ref<Row[]> {
  const count = ref(PART);
  let isAnother = true;
  /** What comes next is not drawn. */
  let stop = () => {};
  /** After the next frame is painted: what was pressed is seen before more is drawn. */
  const later = () => {
    const frame = requestAnimationFrame(() => {
      const timer = setTimeout(goOn);
      stop = () => clearTimeout(timer);
    });
    stop = () => cancelAnimationFrame(frame);
  };
  const goOn = () => {
    if (count.value >= rows.value.length) return;
    count.value += PART;
    later();
  };
  watch(of, () => (isAnother = true), { flush: "sync" });
  watch(rows, (now) => {
    stop();
    count.value = isAnother ? PART : Math.max(PART, Math.min(count.value, now.length));
    isAnother = false;
    later();
  }, { immediate: true });
  onBeforeUnmount(() => stop());
  return computed(() => rows.value.slice(0, count.value));
}
