//! The apps for browsers, as they were built into the program: each under the name of its folder in `web/dist`. A file lies
//! beside its `.br` and `.gz`, which `web/compress.mjs` writes. A development build reads them from the folder at each request.

use std::borrow::Cow;

use actix_web::http::header::{self, AcceptEncoding, ContentEncoding, Encoding, Header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use rust_embed::Embed;

use crate::error::{Code, Problem, Success};
use crate::photos::send::is_unchanged;

/// What is loaded first, at every address of the app; it loads the rest.
const SHELL: &str = "index.html";

/// Files whose name changes with their content, so that a browser may keep them for ever.
const HASHED: &str = "assets/";

/// What pages may do: nothing comes from elsewhere, and nobody frames them. sync-core is WebAssembly; photos that are not
/// stored yet are `blob:`; Vant sets styles on elements, and has its icons as a font inside its styles.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' \
    'unsafe-inline'; img-src 'self' blob: data:; font-src 'self' data:; worker-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// Camera and place are for the app alone.
const PERMISSIONS_POLICY: &str = "camera=(self), geolocation=(self), microphone=()";

/// Everything that was built: `field/index.html`, …
#[derive(Embed)]
#[folder = "../web/dist"]
struct Built;

/// A file of an app, or its shell where `path` is one of its pages.
///
/// # Errors
/// `not_found`: no such file, or the program was built without the app.
pub fn of(app: &str, path: &str, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let built = |path: &str| {
        let file = Built::get(&format!("{app}/{path}"))?;
        Some(File { sha256: file.metadata.sha256_hash(), bytes: file.data })
    };
    send(&built, path, request)
}

/// One file as it was built.
struct File {
    bytes: Cow<'static, [u8]>,
    sha256: [u8; 32],
}

fn send(find: &dyn Fn(&str) -> Option<File>, path: &str, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let path = if is_page(path) { SHELL } else { path };
    let (encoding, file) = chosen(find, path, request).ok_or_else(|| missing(path))?;
    let etag = format!("\"{}\"", data_encoding::HEXLOWER.encode(&file.sha256));
    if is_unchanged(request, &etag) {
        return Ok(named(&mut Success::Unchanged.answer(), path, etag).finish());
    }
    let mut answer = Success::Whole.answer();
    named(&mut answer, path, etag)
        .insert_header((header::CONTENT_TYPE, content_type(path)))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::PERMISSIONS_POLICY, PERMISSIONS_POLICY))
        .insert_header(encoding);
    Ok(match file.bytes {
        Cow::Borrowed(bytes) => answer.body(bytes),
        Cow::Owned(bytes) => answer.body(bytes),
    })
}

fn named<'a>(answer: &'a mut HttpResponseBuilder, path: &str, etag: String) -> &'a mut HttpResponseBuilder {
    answer
        .insert_header((header::ETAG, etag))
        .insert_header((header::VARY, "accept-encoding"))
        .insert_header((header::CACHE_CONTROL, caching(path)))
}

/// Whether an address is one of the app's pages and not a file: files have an extension.
fn is_page(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    !last.contains('.') && !path.starts_with(HASHED)
}

/// The file in the best encoding that there is of it and that the browser takes.
fn chosen(find: &dyn Fn(&str) -> Option<File>, path: &str, request: &HttpRequest) -> Option<(ContentEncoding, File)> {
    let taken = AcceptEncoding::parse(request).ok();
    let plain = find(path)?;
    let compressed =
        [(Encoding::brotli(), ContentEncoding::Brotli, ".br"), (Encoding::gzip(), ContentEncoding::Gzip, ".gz")];
    let best = compressed.into_iter().find_map(|(encoding, content, extension)| {
        let is_taken =
            taken.as_ref().is_some_and(|taken| taken.negotiate([&encoding].into_iter()) == Some(encoding.clone()));
        is_taken.then(|| find(&format!("{path}{extension}")).map(|file| (content, file))).flatten()
    });
    Some(best.unwrap_or((ContentEncoding::Identity, plain)))
}

/// How long a browser may keep a file without asking: for ever where its name would change with it, else not at all. The
/// service worker and the shell decide which version a phone runs.
fn caching(path: &str) -> &'static str {
    if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

fn missing(path: &str) -> Problem {
    let detail = if path == SHELL {
        "This program was built without the pages; `make run` builds them first"
    } else {
        "The app has no such file"
    };
    Problem::new(Code::NotFound, detail)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use actix_web::ResponseError;
    use actix_web::body::MessageBody;
    use actix_web::test::TestRequest;
    use sha2::{Digest, Sha256};

    use super::*;

    fn find(path: &str) -> Option<File> {
        let text = match path {
            "index.html" => "shell",
            "sw.js" => "worker",
            "assets/app-1f.js" => "code",
            "assets/app-1f.js.br" => "code in brotli",
            "assets/app-1f.js.gz" => "code in gzip",
            "assets/core-2a.wasm" => "core",
            _ => return None,
        };
        Some(File { bytes: Cow::Borrowed(text.as_bytes()), sha256: Sha256::digest(text).into() })
    }

    fn ask(path: &str, headers: &[(&str, &str)]) -> (u16, Vec<(String, String)>, String) {
        let request = headers.iter().fold(TestRequest::get(), |request, header| request.insert_header(*header));
        let answer = match send(&find, path, &request.to_http_request()) {
            Ok(answer) => answer,
            Err(problem) => problem.error_response(),
        };
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let status = answer.status().as_u16();
        let body = answer.into_body().try_into_bytes().unwrap_or_else(|_| panic!("a stream"));
        (status, headers, String::from_utf8(body.to_vec()).unwrap())
    }

    fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
        headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn every_page_of_the_app_is_its_shell_and_is_asked_for_anew() {
        for path in ["", "hazards", "hazards/0193-12/rectify"] {
            let (status, headers, body) = ask(path, &[]);
            assert_eq!((status, body.as_str()), (200, "shell"), "{path}");
            assert_eq!(header(&headers, "cache-control"), Some("no-cache"));
            assert_eq!(header(&headers, "content-type"), Some("text/html; charset=utf-8"));
            assert_eq!(header(&headers, "content-security-policy"), Some(CONTENT_SECURITY_POLICY));
        }
        assert_eq!(header(&ask("sw.js", &[]).1, "cache-control"), Some("no-cache"));
    }

    #[test]
    fn a_file_that_is_not_there_is_not_the_shell() {
        for path in ["assets/app-0e.js", "favicon.ico", "assets/none"] {
            assert_eq!(ask(path, &[]).0, 404, "{path}");
        }
        let nothing = |_: &str| None;
        assert!(send(&nothing, "", &TestRequest::get().to_http_request()).is_err());
    }

    #[test]
    fn a_browser_gets_the_smallest_form_that_it_takes() {
        for (taken, encoding, body) in [
            ("gzip, deflate, br, zstd", Some("br"), "code in brotli"),
            ("gzip", Some("gzip"), "code in gzip"),
            ("br;q=0, gzip", Some("gzip"), "code in gzip"),
            ("identity", Some("identity"), "code"),
        ] {
            let (_, headers, answer) = ask("assets/app-1f.js", &[("accept-encoding", taken)]);
            assert_eq!((header(&headers, "content-encoding"), answer.as_str()), (encoding, body), "{taken}");
            assert_eq!(header(&headers, "vary"), Some("accept-encoding"));
            assert!(header(&headers, "cache-control").unwrap().contains("immutable"));
        }
        let (_, headers, body) = ask("assets/core-2a.wasm", &[("accept-encoding", "br")]);
        assert_eq!((header(&headers, "content-type"), body.as_str()), (Some("application/wasm"), "core"));
    }

    #[test]
    fn what_a_browser_has_is_not_sent_again() {
        let (_, headers, _) = ask("", &[]);
        let etag = header(&headers, "etag").unwrap();
        assert_eq!(ask("", &[("if-none-match", etag)]).0, 304);
        assert_eq!(ask("", &[("if-none-match", "\"other\"")]).0, 200);
    }
}
