// What a failed request says about the next one (protocol: Pace, What a client does on a refusal).

import type { Failure } from "../../../wasm/pkg/types.js";
import { isProblem } from "./api.js";
import { hostError, isHostError } from "./errors.js";

export type Kind = "network" | "busy" | "server" | "refused";

export function kindOf(error: unknown): Kind {
  if (!isProblem(error) || error.code === "network") return "network";
  if (error.status === 429 || error.status === 423 || error.status === 408 || error.code === "busy") return "busy";
  return error.status >= 500 ? "server" : "refused";
}

const SESSION_OVER = new Set<string>(["signed_out", "device_revoked", "account_disabled", "session_revoked"]);

export function failureOf(error: unknown): Failure {
  const { code, retryAfterS } = isHostError(error) ? error : hostError("network", "");
  if (code === "replica_foreign") return "replica_foreign";
  if (SESSION_OVER.has(code) || (isProblem(error) && error.status === 401)) return "signed_out";
  const kind = kindOf(error);
  if (kind === "network") return "network";
  if (kind === "refused") return "refused";
  return { busy: { retry_after_s: retryAfterS ?? null } };
}
