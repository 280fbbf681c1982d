// The whole catalogue in English.

import forms from "../../../field/src/strings/en/forms.json";
import ledger from "../../../field/src/strings/en/ledger.json";
import records from "../../../field/src/strings/en/records.json";
import office from "./en/office.json";

export default { office, records, ledger, month: forms.month };
