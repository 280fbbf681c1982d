// The whole catalogue in one language: the app, its forms, its lists, the names of records.

import app from "./zh-CN/app.json";
import forms from "./zh-CN/forms.json";
import ledger from "./zh-CN/ledger.json";
import records from "./zh-CN/records.json";

export default { app, forms, ledger, records };
