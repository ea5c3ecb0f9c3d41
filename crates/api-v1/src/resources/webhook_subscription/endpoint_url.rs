//! Decoding of endpoint URLs.

use http_api::request::{FieldReader, read_string};
use serde_json::{Value, json};
use webhooks::{AddressPolicy, EndpointUrl};

/// A reader of an endpoint URL, which must be allowed by the address policy.
pub(super) struct EndpointUrlReader<'a>(pub(super) &'a AddressPolicy);

impl FieldReader for EndpointUrlReader<'_> {
    type Output = EndpointUrl;

    fn read(&self, value: &Value) -> Result<EndpointUrl, String> {
        EndpointUrl::parse(read_string(value)?, self.0).map_err(|error| error.to_string())
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "maxLength": 2048, "pattern": "^https?://", "description": "An `https` URL in its normal form, whose host is reachable from the public internet." })
    }
}
