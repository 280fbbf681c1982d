// A word that somebody has to read before they go on; loaded when there is one.

import "vant/es/dialog/style";

export { showDialog } from "vant";
