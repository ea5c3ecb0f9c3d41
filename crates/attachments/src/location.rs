//! The place of the store, as settings name it.

use std::{fmt, path::PathBuf, str::FromStr};

/// The place where attachments are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// The memory of the process.
    Memory,
    /// A folder: `file:PATH`.
    Folder(PathBuf),
    /// A bucket: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
    Bucket(BucketUrl),
}

/// A bucket, and the prefix of the objects in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketUrl {
    pub(crate) service: Service,
    pub(crate) bucket: String,
    /// Empty, or segments separated by slashes.
    pub(crate) prefix: String,
}

/// The service that has a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// S3, or another server with its protocol.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

impl Service {
    const ALL: [Self; 3] = [Self::S3, Self::Google, Self::Azure];

    const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }
}

/// The text names no place for attachments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedLocation {
    /// It has another scheme.
    #[error(
        "the URL must be memory: or start with file:, s3://, gs:// or az://, as in file:/srv/attachments or s3://bucket/prefix"
    )]
    Scheme,
    /// It names no folder.
    #[error("the URL names no folder")]
    Folder,
    /// The name of the bucket is invalid.
    #[error(
        "the bucket must have 3 to 63 lower-case letters, digits, hyphens, underscores and dots; credentials, ports and options \
         are separate settings"
    )]
    Bucket,
    /// The prefix is invalid.
    #[error(
        "the prefix must consist of segments of letters, digits, hyphens, underscores and dots, separated by slashes, of at most \
         200 characters"
    )]
    Prefix,
}

impl FromStr for Location {
    type Err = MalformedLocation;

    fn from_str(text: &str) -> Result<Self, MalformedLocation> {
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        if let Some(folder) = text.strip_prefix("file:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            return if folder.is_empty() { Err(MalformedLocation::Folder) } else { Ok(Self::Folder(folder.into())) };
        }
        let (scheme, rest) = text.split_once("://").ok_or(MalformedLocation::Scheme)?;
        let service = Service::ALL.into_iter().find(|service| service.scheme() == scheme);
        let service = service.ok_or(MalformedLocation::Scheme)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if !is_bucket_name(bucket) {
            return Err(MalformedLocation::Bucket);
        }
        if !prefix.is_empty() && (prefix.len() > 200 || !prefix.split('/').all(is_prefix_segment)) {
            return Err(MalformedLocation::Prefix);
        }
        Ok(Self::Bucket(BucketUrl { service, bucket: bucket.to_owned(), prefix: prefix.to_owned() }))
    }
}

fn is_bucket_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    (3..=63).contains(&text.len()) && text.bytes().all(is_allowed) && !text.contains("..") && !text.starts_with('.')
}

fn is_prefix_segment(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !["", ".", ".."].contains(&text) && text.bytes().all(is_allowed)
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Folder(folder) => write!(f, "file:{}", folder.display()),
            Self::Bucket(BucketUrl { service, bucket, prefix }) if prefix.is_empty() => {
                write!(f, "{}://{bucket}", service.scheme())
            }
            Self::Bucket(BucketUrl { service, bucket, prefix }) => {
                write!(f, "{}://{bucket}/{prefix}", service.scheme())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_buckets_and_memory_are_named_by_urls() {
        for text in [
            "memory:",
            "file:/srv/attachments",
            "file:attachments",
            "s3://bucket",
            "s3://my-bucket.example/novantra/prod_1",
            "gs://bucket/a",
            "az://container/a/b",
        ] {
            assert_eq!(text.parse::<Location>().map(|location| location.to_string()).as_deref(), Ok(text));
        }
        assert_eq!("file:///srv/a".parse(), Ok(Location::Folder("/srv/a".into())));
        assert_eq!("s3://bucket/a/".parse::<Location>(), "s3://bucket/a".parse());
    }

    #[test]
    fn a_url_that_names_no_store_is_refused_with_what_is_wrong() {
        use MalformedLocation::{Bucket, Folder, Prefix, Scheme};
        let long = format!("s3://bucket/{}", "a".repeat(201));
        for (text, error) in [
            ("", Scheme),
            ("/srv/attachments", Scheme),
            ("http://bucket/a", Scheme),
            ("S3://bucket", Scheme),
            ("file:", Folder),
            ("file://", Folder),
            ("s3://", Bucket),
            ("s3:///a", Bucket),
            ("s3://key:secret@bucket", Bucket),
            ("s3://bucket:9000", Bucket),
            ("s3://bucket?region=x", Bucket),
            ("s3://..", Bucket),
            ("s3://Bucket", Bucket),
            ("s3://bucket//a", Prefix),
            ("s3://bucket/../a", Prefix),
            ("s3://bucket/a?region=x", Prefix),
            ("s3://bucket/ä", Prefix),
            (&long, Prefix),
        ] {
            assert_eq!(text.parse::<Location>(), Err(error), "{text}");
        }
    }
}
