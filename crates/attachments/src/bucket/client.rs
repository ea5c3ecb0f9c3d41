//! The clients of the services that have buckets.

use std::{sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig, aws::AmazonS3Builder, azure::MicrosoftAzureBuilder,
    gcp::GoogleCloudStorageBuilder, prefix::PrefixStore,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::location::{BucketUrl, Service};

/// Timeout of one request to the service, of which the largest sends or receives 8 MiB.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Timeout for establishing a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time after which a request that failed is not repeated any more.
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);

const MAX_RETRIES: usize = 4;

/// The options of a bucket that are not part of its URL. Those that are absent are taken from the environment variables
/// of the service (`AWS_…`, `GOOGLE_…`, `AZURE_…`), or from the machine that the program runs on.
#[derive(Clone, Debug, Default)]
pub struct BucketOptions {
    /// The URL of the server, if it is not that of the service itself.
    pub endpoint: Option<String>,
    /// The identifier of the access key of S3, or the name of the storage account of Azure.
    pub access_key: Option<String>,
    /// The secret access key of S3, the access key of Azure, or the JSON of the service account of Google.
    pub secret: Option<SecretString>,
}

/// The options of a bucket are not valid.
#[derive(Debug, thiserror::Error)]
#[error("the bucket can't be used with these settings and environment variables: {0}")]
pub struct InvalidBucketOptions(#[source] object_store::Error);

/// Creates the client of a bucket. No connection is made.
pub(crate) fn open(url: &BucketUrl, options: &BucketOptions) -> Result<Arc<dyn ObjectStore>, InvalidBucketOptions> {
    let bucket = match url.service {
        Service::S3 => open_s3(url, options),
        Service::Google => open_google(url, options),
        Service::Azure => open_azure(url, options),
    };
    let bucket = bucket.map_err(InvalidBucketOptions)?;
    Ok(if url.prefix.is_empty() { bucket } else { Arc::new(PrefixStore::new(bucket, url.prefix.as_str())) })
}

fn open_s3(url: &BucketUrl, options: &BucketOptions) -> object_store::Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(&url.bucket);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(access_key) = &options.access_key {
        builder = builder.with_access_key_id(access_key);
    }
    if let Some(secret) = &options.secret {
        builder = builder.with_secret_access_key(secret.expose_secret());
    }
    Ok(Arc::new(builder.with_client_options(client_options(options)).with_retry(retries()).build()?))
}

fn open_google(url: &BucketUrl, options: &BucketOptions) -> object_store::Result<Arc<dyn ObjectStore>> {
    let mut builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(&url.bucket);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    if let Some(secret) = &options.secret {
        builder = builder.with_service_account_key(secret.expose_secret());
    }
    Ok(Arc::new(builder.with_client_options(client_options(options)).with_retry(retries()).build()?))
}

fn open_azure(url: &BucketUrl, options: &BucketOptions) -> object_store::Result<Arc<dyn ObjectStore>> {
    let mut builder = MicrosoftAzureBuilder::from_env().with_container_name(&url.bucket);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    if let Some(access_key) = &options.access_key {
        builder = builder.with_account(access_key);
    }
    if let Some(secret) = &options.secret {
        builder = builder.with_access_key(secret.expose_secret());
    }
    Ok(Arc::new(builder.with_client_options(client_options(options)).with_retry(retries()).build()?))
}

/// Plain HTTP is only used if the endpoint in the settings says so.
fn client_options(options: &BucketOptions) -> ClientOptions {
    let is_plain = options.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    ClientOptions::new()
        .with_allow_http(is_plain)
        .with_timeout(REQUEST_TIMEOUT)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_default_content_type("application/octet-stream")
}

fn retries() -> RetryConfig {
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(4), base: 2.0 };
    RetryConfig { backoff, max_retries: MAX_RETRIES, retry_timeout: RETRY_TIMEOUT }
}
