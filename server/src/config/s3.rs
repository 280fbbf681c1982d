//! The settings of an S3-compatible photo store: a URL, an endpoint, a region, and keys that come from the environment
//! alone, because a command line can be read by others. How the store is used is in `photos::objects`.

use std::fmt;

use super::PhotosArgs;
use crate::refusal::Refusal;

/// A bucket of an S3-compatible store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Options {
    /// The bucket's name.
    pub bucket: String,
    /// What every object's name begins with; empty for none.
    pub prefix: String,
    /// The store's address without a slash at its end; `None`: Amazon's.
    pub endpoint: Option<String>,
    /// The store's region.
    pub region: String,
    /// Whether the bucket stands in the host's name.
    pub virtual_host: bool,
    /// The keys; `None`: those of the machine's role.
    pub keys: Option<S3Keys>,
}

/// A pair of keys.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Keys {
    /// Names the pair.
    pub access_key: String,
    /// Signs.
    pub secret_key: String,
}

impl fmt::Debug for S3Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("S3Keys(…)")
    }
}

impl S3Options {
    /// The store that the arguments name, with the keys of the environment; `None` where none is named.
    pub(crate) fn from_args(args: PhotosArgs) -> Result<Option<Self>, Refusal> {
        let Some(url) = args.photos_url else { return Ok(None) };
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let keys = match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
            (Some(access_key), Some(secret_key)) => Some(S3Keys { access_key, secret_key }),
            (None, None) => None,
            _ => return Err(Refusal::PhotosKeys),
        };
        let mut options = Self::from_url(&url)?;
        options.endpoint = args.photos_endpoint.map(|url| url.trim_end_matches('/').to_owned());
        if let Some(url) = options.endpoint.as_ref().filter(|url| split_scheme(url).is_none()) {
            return Err(Refusal::PhotosEndpoint { url: url.clone() });
        }
        Ok(Some(Self { region: args.photos_region, virtual_host: args.photos_virtual_host, keys, ..options }))
    }

    /// A bucket and a prefix from `s3://bucket/prefix`.
    ///
    /// # Errors
    /// Another scheme, or no bucket.
    pub fn from_url(url: &str) -> Result<Self, Refusal> {
        let rest = url.strip_prefix("s3://").ok_or(Refusal::PhotosUrl)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if bucket.is_empty() || !bucket.chars().all(allowed) || prefix.contains(['?', '#']) {
            return Err(Refusal::PhotosUrl);
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            endpoint: None,
            region: "us-east-1".to_owned(),
            virtual_host: false,
            keys: None,
        })
    }

    /// The address that requests go to: the endpoint, with the bucket before its host where the store wants it so.
    pub(crate) fn endpoint_url(&self) -> Option<String> {
        let endpoint = self.endpoint.clone()?;
        match split_scheme(&endpoint) {
            Some((scheme, host)) if self.virtual_host => Some(format!("{scheme}{}.{host}", self.bucket)),
            _ => Some(endpoint),
        }
    }
}

fn split_scheme(url: &str) -> Option<(&str, &str)> {
    ["https://", "http://"]
        .into_iter()
        .find_map(|scheme| Some((scheme, url.strip_prefix(scheme).filter(|host| !host.is_empty())?)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn args(url: &str, endpoint: Option<&str>) -> PhotosArgs {
        PhotosArgs {
            photos_url: Some(url.to_owned()),
            photos_endpoint: endpoint.map(ToOwned::to_owned),
            photos_region: "cn-north-1".to_owned(),
            photos_virtual_host: true,
            photos_unnamed_days: 90,
        }
    }

    #[test]
    fn a_url_names_a_bucket_and_a_prefix() {
        for (url, bucket, prefix) in
            [("s3://a", "a", ""), ("s3://a/", "a", ""), ("s3://county-photos/ledger/x/", "county-photos", "ledger/x")]
        {
            let options = S3Options::from_url(url).unwrap();
            assert_eq!((options.bucket.as_str(), options.prefix.as_str()), (bucket, prefix), "{url}");
        }
        for url in ["", "s3://", "s3:///x", "gs://a", "/srv/photos", "s3://a b", "s3://a/?x"] {
            assert!(matches!(S3Options::from_url(url), Err(Refusal::PhotosUrl)), "{url}");
        }
    }

    #[test]
    fn a_store_that_wants_it_gets_the_bucket_in_the_host() {
        let options =
            S3Options::from_args(args("s3://a/b", Some("https://oss-cn-hangzhou.aliyuncs.com/"))).unwrap().unwrap();
        assert_eq!(options.endpoint_url().unwrap(), "https://a.oss-cn-hangzhou.aliyuncs.com");
        assert_eq!(options.region, "cn-north-1");
    }

    #[test]
    fn an_endpoint_without_a_scheme_is_refused() {
        for endpoint in ["minio:9000", "ftp://minio", "http://"] {
            let refused = S3Options::from_args(args("s3://a", Some(endpoint)));
            assert!(matches!(refused, Err(Refusal::PhotosEndpoint { .. })), "{endpoint}");
        }
    }

    #[test]
    fn keys_are_not_shown_in_a_log() {
        let keys = S3Keys { access_key: "abc".to_owned(), secret_key: "very secret".to_owned() };
        assert!(!format!("{keys:?}").contains("secret"));
    }
}
