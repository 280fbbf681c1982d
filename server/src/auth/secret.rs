//! Secrets that are given out once and kept only as SHA-256: refresh tokens and enrolment codes.

use data_encoding::BASE64URL_NOPAD;
use rand::Rng;
use sha2::{Digest, Sha256};

use crate::limits::ENROLMENT_CODE_CHARS;

/// Crockford's base 32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Bytes of a refresh token.
const TOKEN_BYTES: usize = 32;

/// A new refresh token (base64url) and its hash. There are 2^256 of them: a plain hash cannot be searched.
#[must_use]
pub fn new_refresh_token() -> (String, Vec<u8>) {
    let mut bytes = [0_u8; TOKEN_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    (BASE64URL_NOPAD.encode(&bytes), Sha256::digest(bytes).to_vec())
}

/// The hash of a refresh token as it was sent; `None` when it is not one.
#[must_use]
pub fn refresh_token_hash(token: &str) -> Option<Vec<u8>> {
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
    (bytes.len() == TOKEN_BYTES).then(|| Sha256::digest(&bytes).to_vec())
}

/// A new enrolment code in its canonical form.
#[must_use]
pub fn new_enrolment_code() -> String {
    let mut bytes = [0_u8; ENROLMENT_CODE_CHARS];
    rand::rng().fill_bytes(&mut bytes);
    bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32))).copied().map(char::from).collect()
}

/// The code as people read it: in two halves.
#[must_use]
pub fn grouped(code: &str) -> String {
    let half = ENROLMENT_CODE_CHARS / 2;
    code.chars().take(half).chain(['-']).chain(code.chars().skip(half)).collect()
}

/// What somebody typed, in canonical form: upper case, without dashes and spaces, I and L read as 1, O as 0.
/// `None` when it cannot be a code.
#[must_use]
pub fn canonical_code(typed: &str) -> Option<String> {
    let mut code = String::new();
    for typed in typed.chars().filter(|typed| !matches!(typed, '-' | ' ')) {
        let read = match typed.to_ascii_uppercase() {
            'I' | 'L' => '1',
            'O' => '0',
            other => other,
        };
        if !read.is_ascii() || !ALPHABET.iter().any(|&known| char::from(known) == read) {
            return None;
        }
        code.push(read);
        if code.len() > ENROLMENT_CODE_CHARS {
            return None;
        }
    }
    (code.len() == ENROLMENT_CODE_CHARS).then_some(code)
}

/// The hash of a canonical code. The server's secret goes into it: 2^50 codes could be searched by whoever has a copy
/// of the database alone.
#[must_use]
pub fn code_hash(pepper: &[u8; 32], canonical: &str) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(pepper);
    hash.update(canonical.as_bytes());
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_refresh_token_is_found_again_by_its_hash_only_when_it_is_whole() {
        let (token, hash) = new_refresh_token();
        assert_eq!(refresh_token_hash(&token).unwrap(), hash);
        assert_ne!(new_refresh_token().0, token);
        for wrong in ["", "abc", &token[1..], &format!("{token}A"), "密码"] {
            assert!(refresh_token_hash(wrong).is_none_or(|other| other != hash), "{wrong}");
        }
    }

    #[test]
    fn a_code_is_read_however_it_was_typed() {
        let code = new_enrolment_code();
        assert_eq!(code.len(), ENROLMENT_CODE_CHARS);
        assert_eq!(canonical_code(&grouped(&code).to_lowercase()).unwrap(), code);
        assert_eq!(canonical_code("oiL01-23456").unwrap(), "0110123456");
        for wrong in ["", "12345-6789", "12345-678901", "12345-6789U", "12345-6789号"] {
            assert!(canonical_code(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_code_hashes_differently_on_another_server() {
        assert_ne!(code_hash(&[1; 32], "0123456789"), code_hash(&[2; 32], "0123456789"));
    }
}
