//! Each fault of a request, at every operation of the document that can have it: the response has the status, the code and
//! the issue of the contract, the audit log has one entry of it, and nothing is written. A new operation is tested as soon
//! as it is in the document.

mod table;

use std::collections::{BTreeMap, BTreeSet};

use kernel::OrganizationId;
use scopes::Scope;

use crate::{
    operations::{PathParams, with_query},
    support::{Client, Operation, TestApi, TestRequest, TestResponse, findings_path, operations},
};

use table::{FAULTS, Fault};

/// An API, its records, and the accounts that make requests.
struct Stage {
    api: TestApi,
    /// An account with every scope.
    client: Client,
    /// Accounts with every scope but this one.
    without: BTreeMap<Scope, Client>,
    /// The records that the client may access.
    params: PathParams,
    /// Identifiers of another organization's records.
    foreign: PathParams,
    /// Identifiers that no record has.
    absent: PathParams,
    /// A cursor of the list of findings.
    cursor: String,
}

impl Stage {
    async fn open() -> Self {
        let api = TestApi::open().await;
        let elsewhere = api.fixture.create_organization("elsewhere").await;
        let other = api.client(elsewhere, Scope::ALL).await;
        let finding = api.create_finding(&other, "theirs").await;
        let registers = PathParams::filled_with("none").with_registers_of(&api, elsewhere).await;
        let foreign = registers.with_finding(finding).with_webhooks_of(&api, &other).await;
        let client = api.full_access_client().await;
        let params = PathParams::create_records(&api, &client).await;
        let absent = PathParams::absent(&api);
        api.create_finding(&client, "another").await;
        let page = api.get(&format!("{}?limit=1", findings_path())).auth(&client).send().await.expect(200).json();
        let cursor = page["pagination"]["nextCursor"].as_str().unwrap().to_owned();
        let mut without = BTreeMap::new();
        for scope in Scope::ALL {
            let others: Vec<Scope> = Scope::ALL.iter().copied().filter(|other| other != scope).collect();
            without.insert(*scope, api.client(api.home, &others).await);
        }
        Self { api, client, without, params, foreign, absent, cursor }
    }

    /// The request of the operation's example, with a token.
    fn request(&self, operation: &Operation) -> TestRequest {
        self.authenticated(self.params.request(&self.api, operation), operation)
    }

    /// The same request for records with these identifiers.
    fn request_for(&self, params: &PathParams, operation: &Operation) -> TestRequest {
        self.authenticated(params.request(&self.api, operation), operation)
    }

    /// A request of the operation with another parameter of its query.
    fn request_with(&self, operation: &Operation, parameter: &str) -> TestRequest {
        let call = self.bare_request(operation, parameter);
        operation.request_example().map_or(call.clone(), |body| call.json(body))
    }

    /// The same request without a body.
    fn bare_request(&self, operation: &Operation, parameter: &str) -> TestRequest {
        let path = with_query(&self.params.path(operation), parameter);
        self.authenticated(self.api.request(&operation.method, &path), operation)
    }

    /// The token endpoint takes credentials instead of a token.
    fn authenticated(&self, request: TestRequest, operation: &Operation) -> TestRequest {
        if operation.scope.is_some() { request.auth(&self.client) } else { request }
    }
}

#[tokio::test]
async fn every_fault_of_every_operation_causes_its_error_is_logged_and_changes_nothing() {
    let stage = Stage::open().await;
    stage.api.probe.take_events();
    stage.api.probe.take_write_count();
    let mut sent = Vec::new();
    for fault in FAULTS {
        let mut count = 0;
        for operation in operations() {
            for request in (fault.requests)(&stage, operation) {
                let response = request.send().await;
                check(fault, operation, &response);
                sent.push((fault, operation, response));
                count += 1;
            }
        }
        assert!(count > 0, "no operation has the fault {}", fault.name);
    }
    assert_eq!((stage.api.probe.take_events().len(), stage.api.probe.take_write_count()), (0, 0));
    let mut entries = stage.api.entries_by_request().await;
    for recorded in stage.api.audit_log(OrganizationId::INSTALLATION).await {
        entries.entry(recorded.entry.origin.request_id.to_string()).or_default().push(recorded);
    }
    for (fault, operation, response) in sent {
        let context = format!("{} of {}", fault.name, operation.id);
        let left = entries.get(response.header("x-request-id")).map_or(&[][..], Vec::as_slice);
        let [recorded] = left else { panic!("{context} left {} entries", left.len()) };
        assert_eq!(recorded.entry.status, Some(response.status), "{context}");
        let route = recorded.entry.origin.route.as_deref();
        assert!(route == Some(operation.path.as_str()) || response.status == 405, "{context} has the route {route:?}");
        assert!(recorded.entry.action.as_str().ends_with(".refused") || response.status == 405, "{context}");
        let is_attributed = fault.is_authenticated && operation.scope.is_some();
        let organization = if is_attributed { stage.api.home } else { OrganizationId::INSTALLATION };
        assert_eq!(recorded.entry.organization, organization, "{context} is in another log");
    }
}

fn check(fault: &Fault, operation: &Operation, response: &TestResponse) {
    let context = format!("{} of {}: {}", fault.name, operation.id, response.body_without_request_id());
    assert_eq!((response.status, response.error_code().as_str()), (fault.status, fault.code), "{context}");
    if let Some(issue) = (fault.issue)(operation) {
        assert!(response.issue_paths().contains(&issue), "there is no issue at {issue:?}: {context}");
    }
    if let Some((header, part)) = fault.header {
        assert!(response.header(header).contains(part), "{header} lacks {part}: {context}");
    }
    if fault.status == 405 {
        let of_path = operations().iter().filter(|other| other.path == operation.path);
        let methods: BTreeSet<_> = of_path.map(|other| other.method.as_str()).collect();
        let expected: BTreeSet<_> = methods.iter().copied().chain(methods.get("GET").map(|_| "HEAD")).collect();
        assert_eq!(response.header("allow").split(", ").collect::<BTreeSet<_>>(), expected, "{context}");
    }
    if fault.code == "forbidden" {
        assert!(response.message().contains(operation.scope.unwrap().name()), "{context}");
    }
}
