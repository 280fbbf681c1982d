/** The smallest build of exifr: JPEG, times and places. Its types are those of the whole. */
declare module "exifr/dist/mini.esm.mjs" {
  export { parse } from "exifr";
}
