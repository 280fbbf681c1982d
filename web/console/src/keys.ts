// Keys of a page: what is typed into a field or held with a control key is not for them, nor is anything while a dialog is open. A key
// that is held down presses once: what it decided is gone, and the next press would decide what came in its place.

import { onBeforeUnmount, onMounted } from "vue";

const TYPING = "input, textarea, select, [contenteditable], .el-select__wrapper";

/** `press` says whether the key was for it; `isHeld`: it has been down since an earlier press. */
export function useKeys(press: (key: string, isHeld: boolean) => boolean): void {
  function pressed(event: KeyboardEvent): void {
    const isTyping = event.target instanceof Element && event.target.closest(TYPING) !== null;
    const isAsked = document.querySelector(".el-overlay:not([style*='display: none'])") !== null;
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping || isAsked) return;
    if (press(event.key.toLowerCase(), event.repeat)) event.preventDefault();
  }

  onMounted(() => window.addEventListener("keydown", pressed));
  onBeforeUnmount(() => window.removeEventListener("keydown", pressed));
}
