// The whole catalogue in English.

import forms from "../../../field/src/strings/en/forms.json";
import ledger from "../../../field/src/strings/en/ledger.json";
import records from "../../../field/src/strings/en/records.json";
import desk from "./en/desk.json";
import office from "./en/office.json";

export default { office, desk, records, ledger, month: forms.month };
