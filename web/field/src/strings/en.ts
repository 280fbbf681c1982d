// The whole catalogue in one language: the app, its forms, its lists, the names of records.

import app from "./en/app.json";
import forms from "./en/forms.json";
import ledger from "./en/ledger.json";
import records from "./en/records.json";

export default { app, forms, ledger, records };
