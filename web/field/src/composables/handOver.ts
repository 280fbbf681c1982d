// A file into the person's hands: to the phone's own sharing where that takes it, else into the downloads.

/** What became of it: the person has passed it on, has closed the sheet, or it lies in the downloads. */
export type HandedOver = "shared" | "closed" | "downloaded";

export async function handOver(file: Blob, name: string): Promise<HandedOver> {
  const shared = new File([file], name, { type: file.type });
  if (navigator.canShare?.({ files: [shared] })) {
    try {
      await navigator.share({ files: [shared], title: name });
      return "shared";
    } catch (error) {
      // Chromium says that it can, and then refuses archives, large files, and whatever took long to pack.
      if ((error as Partial<DOMException> | undefined)?.name === "AbortError") return "closed";
    }
  }
  const url = URL.createObjectURL(file);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return "downloaded";
}
