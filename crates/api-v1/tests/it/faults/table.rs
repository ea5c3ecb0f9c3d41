//! The table of faults. A fault joins all operations that can have it; an operation joins without a line here.

use serde_json::{Value, json};

use super::Stage;
use crate::{
    operations::PathParams,
    support::{MAX_ATTACHMENT_BYTES, Operation, TestRequest, operations},
};

/// A fault of requests, and the response that it causes.
pub(super) struct Fault {
    pub(super) name: &'static str,
    /// The requests of the operation that have the fault; none if it can't have it.
    pub(super) requests: fn(&Stage, &Operation) -> Vec<TestRequest>,
    pub(super) status: u16,
    pub(super) code: &'static str,
    /// The path of an issue.
    pub(super) issue: fn(&Operation) -> Option<String>,
    /// A header of the response, and a part of its value.
    pub(super) header: Option<(&'static str, &'static str)>,
    /// Whether the requests have a valid token, so that the log of its organization has them.
    pub(super) is_authenticated: bool,
}

/// A fault of requests with a valid token.
const fn fault(
    name: &'static str,
    status: u16,
    code: &'static str,
    requests: fn(&Stage, &Operation) -> Vec<TestRequest>,
) -> Fault {
    Fault { name, requests, status, code, issue: |_| None, header: None, is_authenticated: true }
}

impl Fault {
    const fn at(self, issue: fn(&Operation) -> Option<String>) -> Self {
        Self { issue, ..self }
    }

    const fn with_header(self, name: &'static str, part: &'static str) -> Self {
        Self { header: Some((name, part)), ..self }
    }

    const fn unauthenticated(self) -> Self {
        Self { is_authenticated: false, ..self }
    }
}

pub(super) const FAULTS: &[Fault] = &[
    fault("no token", 401, "unauthenticated", |stage, operation| {
        scoped(operation, || stage.params.request(&stage.api, operation))
    })
    .with_header("www-authenticate", r#"Bearer realm="novantra""#)
    .unauthenticated(),
    fault("a token that nobody issued", 401, "unauthenticated", |stage, operation| {
        let token = || format!("{}x", stage.client.token);
        let from_elsewhere = |request: TestRequest| request.source_address("198.51.100.9:1");
        scoped(operation, || from_elsewhere(stage.params.request(&stage.api, operation).bearer_auth(&token())))
    })
    .with_header("www-authenticate", "error=\"invalid_token\"")
    .unauthenticated(),
    fault("an account without the scope", 403, "forbidden", |stage, operation| {
        let account = operation.scope.map(|scope| &stage.without[&scope]);
        account.map(|account| stage.params.request(&stage.api, operation).auth(account)).into_iter().collect()
    })
    .with_header("www-authenticate", "insufficient_scope"),
    fault("a user on behalf of whom it is", 400, "validation", |stage, operation| {
        vec![stage.request(operation).header("x-on-behalf-of", "user_1")]
    })
    .at(|_| Some("header.X-On-Behalf-Of".to_owned())),
    fault("an absent record", 404, "not_found", |stage, operation| {
        with_identifier(operation, || stage.request_for(&stage.absent, operation))
    }),
    fault("a record of another organization", 404, "not_found", |stage, operation| {
        // Each organization has its own tiles.
        let has_record = operation.id != "getAuditLogTile";
        let request = || with_identifier(operation, || stage.request_for(&stage.foreign, operation));
        if has_record { request() } else { Vec::new() }
    }),
    fault("a malformed identifier", 404, "not_found", |stage, operation| {
        with_identifier(operation, || stage.request_for(&PathParams::filled_with("find_1"), operation))
    }),
    fault("an unknown parameter", 400, "validation", |stage, operation| {
        scoped(operation, || stage.request_with(operation, "stauts=open"))
    })
    .at(|_| Some("query.stauts".to_owned())),
    fault("a parameter twice", 400, "validation", |stage, operation| {
        requests(query_parameters(operation), |name| stage.request_with(operation, &format!("{name}=x&{name}=y")))
    }),
    fault("a parameter without a value", 400, "validation", |stage, operation| {
        requests(optional_parameters(operation), |name| stage.request_with(operation, &format!("{name}=")))
    }),
    fault("a parameter with a control character", 400, "validation", |stage, operation| {
        requests(optional_parameters(operation), |name| stage.request_with(operation, &format!("{name}=%00")))
    }),
    fault("a filter by an absent record", 400, "validation", |stage, operation| {
        requests(filters_by_record(operation), |(name, id)| stage.request_with(operation, &format!("{name}={id}")))
    }),
    fault("a cursor that nobody issued", 400, "invalid_cursor", |stage, operation| {
        list(operation, || stage.request_with(operation, "cursor=nonsense"))
    }),
    fault("a cursor of another list", 400, "invalid_cursor", |stage, operation| {
        let cursor = format!("cursor={}", stage.cursor);
        let is_other = operation.id != "listFindings";
        if is_other { list(operation, || stage.request_with(operation, &cursor)) } else { Vec::new() }
    }),
    fault("a cursor of other filters", 400, "invalid_cursor", |stage, operation| {
        let query = format!("cursor={}&createdAfter=2020-01-01", stage.cursor);
        if operation.id == "listFindings" { vec![stage.request_with(operation, &query)] } else { Vec::new() }
    }),
    fault("an order by change of all records", 400, "validation", |stage, operation| {
        list(operation, || stage.request_with(operation, "order=updated"))
    })
    .at(|_| Some("query.order".to_owned())),
    fault("a limit of a stream", 400, "validation", |stage, operation| {
        list(operation, || stage.request_with(operation, "limit=5").header("accept", "application/x-ndjson"))
    })
    .at(|_| Some("query.limit".to_owned())),
    fault("a method that the path does not have", 405, "method_not_allowed", |stage, operation| {
        let path = stage.params.path(operation);
        // The first operation of a path stands for all of them.
        let first = operations().iter().find(|other| other.path == operation.path);
        let is_first = first.is_some_and(|first| first.id == operation.id);
        if is_first { scoped(operation, || stage.api.request("PUT", &path).auth(&stage.client)) } else { Vec::new() }
    }),
    fault("an unacceptable media type", 406, "not_acceptable", |stage, operation| {
        // Of a file, the client knows no type.
        only_if(!operation.responds_with_bytes(), || stage.request(operation).header("accept", "text/html"))
    }),
    fault("a body above the limit", 413, "payload_too_large", |stage, operation| {
        let large = |bytes: usize| vec![b' '; bytes + 1];
        let request = stage.bare_request(operation, "reason=because+a+test+says+so");
        vec![match operation.bytes_example() {
            Some(_) => request.file("large", "text/plain", large(MAX_ATTACHMENT_BYTES as usize)),
            None => request.body_without_content_type(large(1024 * 1024)),
        }]
    }),
    fault("a body of another type", 415, "unsupported_media_type", |stage, operation| {
        with_body(stage, operation, "text/plain", Clone::clone)
    }),
    fault("a body that is no object", 400, "validation", |stage, operation| {
        with_body(stage, operation, "application/json", |_| json!([]))
    })
    .at(|_| Some(String::new())),
    fault("an unknown member of the body", 400, "validation", |stage, operation| {
        with_body(stage, operation, "application/json", |example| with_member(example, "colour", json!("red")))
    })
    .at(|_| Some("colour".to_owned())),
    fault("a reason that is too short", 400, "validation", |stage, operation| {
        let request = || stage.params.request_with_reason(&stage.api, operation, Some(&json!("too short")));
        write(operation, || request().auth(&stage.client))
    })
    .at(|operation| Some(operation.reason_path().to_owned())),
    fault("no reason", 400, "validation", |stage, operation| {
        let request = || stage.params.request_with_reason(&stage.api, operation, None);
        write(operation, || request().auth(&stage.client))
    })
    .at(|operation| Some(operation.reason_path().to_owned())),
    fault("an empty idempotency key", 400, "validation", |stage, operation| {
        write(operation, || stage.request(operation).idempotency_key(""))
    })
    .at(|_| Some("header.Idempotency-Key".to_owned())),
    fault("an idempotency key of 256 characters", 400, "validation", |stage, operation| {
        write(operation, || stage.request(operation).idempotency_key(&"k".repeat(256)))
    })
    .at(|_| Some("header.Idempotency-Key".to_owned())),
    fault("a malformed If-Match", 400, "validation", |stage, operation| {
        conditional(operation, || stage.request(operation).header("if-match", "r1"))
    })
    .at(|_| Some("header.If-Match".to_owned())),
    fault("an If-Match of another revision", 412, "precondition_failed", |stage, operation| {
        conditional(operation, || stage.request(operation).header("if-match", "\"r999\""))
    }),
];

fn scoped(operation: &Operation, request: impl FnOnce() -> TestRequest) -> Vec<TestRequest> {
    operation.scope.map(|_| request()).into_iter().collect()
}

fn only_if(condition: bool, request: impl FnOnce() -> TestRequest) -> Vec<TestRequest> {
    condition.then(request).into_iter().collect()
}

fn with_identifier(operation: &Operation, request: impl FnOnce() -> TestRequest) -> Vec<TestRequest> {
    only_if(operation.path.contains('{'), request)
}

fn list(operation: &Operation, request: impl FnOnce() -> TestRequest) -> Vec<TestRequest> {
    only_if(operation.is_list(), request)
}

fn write(operation: &Operation, request: impl FnOnce() -> TestRequest) -> Vec<TestRequest> {
    only_if(operation.is_write(), request)
}

fn conditional(operation: &Operation, request: impl FnOnce() -> TestRequest) -> Vec<TestRequest> {
    only_if(operation.parameters().any(|parameter| parameter["name"] == "If-Match"), request)
}

fn requests<T>(each: impl Iterator<Item = T>, request: impl Fn(T) -> TestRequest) -> Vec<TestRequest> {
    each.map(request).collect()
}

/// A write with a body of this media type, made of the example.
fn with_body(stage: &Stage, operation: &Operation, media: &str, body: impl Fn(&Value) -> Value) -> Vec<TestRequest> {
    let example = operation.request_example().filter(|_| operation.is_write());
    let request = || stage.api.request(&operation.method, &stage.params.path(operation)).auth(&stage.client);
    example.map(|example| request().body(media, body(example).to_string())).into_iter().collect()
}

fn with_member(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[name] = value;
    body
}

fn query_parameters(operation: &Operation) -> impl Iterator<Item = &'static str> {
    operation
        .parameters()
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| parameter["name"].as_str().unwrap())
}

/// The optional parameters of the query. A cursor has an error code of its own.
fn optional_parameters(operation: &Operation) -> impl Iterator<Item = &'static str> {
    let is_optional = |parameter: &&Value| {
        parameter["in"] == "query" && parameter["required"] != true && parameter["name"] != "cursor"
    };
    operation.parameters().filter(is_optional).map(|parameter| parameter["name"].as_str().unwrap())
}

/// The optional parameters that take identifiers of records, and one that no record has.
fn filters_by_record(operation: &Operation) -> impl Iterator<Item = (&'static str, String)> {
    operation.parameters().filter(|parameter| parameter["in"] == "query" && parameter["required"] != true).filter_map(
        |parameter| {
            let prefix = parameter["schema"]["items"]["pattern"].as_str()?.strip_prefix('^')?.split_once("_[")?.0;
            Some((parameter["name"].as_str().unwrap(), format!("{prefix}_{}", "0".repeat(26))))
        },
    )
}
