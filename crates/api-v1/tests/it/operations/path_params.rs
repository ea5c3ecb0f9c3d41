//! Values for the path parameters of operations, and requests with the examples of the document.

use std::collections::BTreeMap;

use evidence::{EvidenceClaim, EvidenceRequirement, EvidenceRequirementStatus};
use kernel::{HasIdPrefix as _, OrganizationId, Record as _};
use serde_json::Value;
use store_contract::samples;
use submissions::SubmissionPackage;

use super::with_query;
use crate::support::{Client, Operation, TestApi, TestRequest, operations};

/// Values for the path parameters of all operations.
#[derive(Clone)]
pub(crate) struct PathParams {
    /// The identifiers of the registers' records by prefix.
    registers: BTreeMap<&'static str, String>,
    pub(crate) finding: String,
    pub(crate) attachment: String,
    pub(crate) subscription: String,
    pub(crate) delivery: String,
    /// An entry of the audit log that is sealed.
    pub(crate) entry: String,
    /// The level and the number of a tile of the audit log.
    tile: (String, String),
    /// The value of every parameter that has no other.
    other: String,
}

impl PathParams {
    /// Creates one record for each path parameter; the webhook records belong to the client.
    pub(crate) async fn create_records(api: &TestApi, client: &Client) -> Self {
        let finding = api.create_finding(client, "path-params").await;
        let params = Self::filled_with("none").with_registers_of(api, api.home).await;
        params.with_finding(finding).with_webhooks_of(api, client).await
    }

    /// This text for every parameter.
    pub(crate) fn filled_with(text: &str) -> Self {
        Self {
            registers: BTreeMap::new(),
            finding: text.to_owned(),
            attachment: text.to_owned(),
            subscription: text.to_owned(),
            delivery: text.to_owned(),
            entry: text.to_owned(),
            tile: (text.to_owned(), text.to_owned()),
            other: text.to_owned(),
        }
    }

    /// Identifiers that no record has.
    pub(crate) fn absent(api: &TestApi) -> Self {
        let mut registers = BTreeMap::new();
        macro_rules! each {
            ($($kind:ident => $register:ty,)*) => {
                $(registers.insert(<$register>::PREFIX, api.fixture.new_id::<$register>().to_string());)*
            };
        }
        registers::for_each_register!(each);
        Self {
            registers,
            finding: api.fixture.new_id::<findings::Finding>().to_string(),
            attachment: api.fixture.new_id::<evidence::EvidenceAttachment>().to_string(),
            subscription: api.fixture.new_id::<webhooks::WebhookSubscription>().to_string(),
            delivery: api.fixture.new_id::<webhooks::WebhookDelivery>().to_string(),
            entry: api.fixture.new_id::<kernel::Entry>().to_string(),
            tile: ("0".to_owned(), "x001/000".to_owned()),
            other: "none".to_owned(),
        }
    }

    /// Replaces the parameters of the registers by a new record of each in the organization, which belong together. The
    /// third samples include a package that is submitted, so that a receipt can be recorded. The evidence requirement is
    /// active, so that a claim can be made.
    pub(crate) async fn with_registers_of(mut self, api: &TestApi, organization: OrganizationId) -> Self {
        let mut ids = BTreeMap::new();
        macro_rules! each {
            ($($kind:ident => $register:ty,)*) => {$(
                let sample = samples::with_ids(&samples::record::<$register>(3, true), &ids);
                let stored = api.fixture.create(organization, sample).await;
                ids.insert(<$register>::PREFIX, stored.meta.id.ulid());
                self.registers.insert(<$register>::PREFIX, stored.meta.id.to_string());
            )*};
        }
        registers::for_each_register!(each);
        let requirement = EvidenceRequirement {
            key: samples::key("active"),
            status: EvidenceRequirementStatus::Active,
            ..EvidenceRequirement::example()
        };
        let requirement = api.fixture.create(organization, requirement).await.meta.id;
        self.registers.insert(EvidenceRequirement::PREFIX, requirement.to_string());
        self.attachment = api.store_attachment(organization, b"bytes of an attachment").await.to_string();
        api.seal().await;
        if let Some(first) = api.audit_log(organization).await.first() {
            self.entry = first.entry.id.to_string();
            self.tile = ("0".to_owned(), "000.p/1".to_owned());
        }
        self
    }

    /// Creates further records of each register, up to this number, with the parents of those that the parameters name.
    pub(crate) async fn with_siblings(self, api: &TestApi, count: u64) -> Self {
        let mut ids = BTreeMap::new();
        for (prefix, id) in &self.registers {
            let ulid = id.rsplit_once('_').and_then(|(_, ulid)| ulid.parse().ok());
            ids.insert(*prefix, ulid.unwrap());
        }
        for number in 0..count - 1 {
            api.clock().tick();
            macro_rules! each {
                ($($kind:ident => $register:ty,)*) => {$(
                    // The third samples are there already.
                    let sample = samples::with_ids(&samples::record::<$register>(100 + number, true), &ids);
                    api.fixture.create(api.home, sample).await;
                )*};
            }
            registers::for_each_register!(each);
        }
        self
    }

    pub(crate) fn with_package(mut self, package: String) -> Self {
        self.registers.insert(SubmissionPackage::PREFIX, package);
        self
    }

    pub(crate) fn with_claim(mut self, claim: String) -> Self {
        self.registers.insert(EvidenceClaim::PREFIX, claim);
        self
    }

    pub(crate) fn with_finding(self, finding: String) -> Self {
        Self { finding, ..self }
    }

    /// Replaces the webhook parameters by a new subscription of the client and an exhausted delivery to it.
    pub(crate) async fn with_webhooks_of(&self, api: &TestApi, client: &Client) -> Self {
        let subscription = api.store_subscription(client, 49).await;
        let delivery = api.store_failed_delivery(&subscription, 10).await;
        api.probe.take_events();
        api.probe.take_write_count();
        Self { subscription: subscription.meta.id.to_string(), delivery: delivery.meta.id.to_string(), ..self.clone() }
    }

    /// The path of the operation, with the parameters of the query that it requires.
    pub(crate) fn path(&self, operation: &Operation) -> String {
        let mut path = String::new();
        for segment in operation.path.split_inclusive('/') {
            let (name, slash) = segment.strip_suffix('/').map_or((segment, ""), |name| (name, "/"));
            let value = match name {
                "{findingId}" => &self.finding,
                "{attachmentId}" => &self.attachment,
                "{subscriptionId}" => &self.subscription,
                "{deliveryId}" => &self.delivery,
                "{entryId}" => &self.entry,
                "{level}" => &self.tile.0,
                "{path}" => &self.tile.1,
                parameter if parameter.starts_with('{') => {
                    let end = operation.path.find(parameter).unwrap() + parameter.len();
                    self.register_id(&operation.path[..end])
                }
                literal => literal,
            };
            path.extend([value, slash]);
        }
        let required = operation.required_query_parameters().map(|(name, schema)| {
            let pattern = schema["pattern"].as_str().unwrap_or_default();
            let prefix = pattern.trim_start_matches('^').split('_').next().unwrap_or_default();
            let other = if schema["type"] == "integer" { "1" } else { &*self.other };
            format!("{name}={}", self.registers.get(prefix).map_or(other, String::as_str))
        });
        required.fold(path, |path, parameter| with_query(&path, &parameter))
    }

    /// The identifier of the record that can be read at this path: the one with the prefix of the identifier in its example.
    fn register_id(&self, path: &str) -> &str {
        let get = operations().iter().find(|operation| operation.method == "GET" && operation.path == path);
        let example = get.map(|get| &get.definition["responses"]["200"]["content"]["application/json"]["example"]);
        let members = example.and_then(Value::as_object);
        let id = members.and_then(|members| members.values().find_map(|record| record["id"].as_str()));
        let prefix = id.and_then(|id| id.rsplit_once('_')).map(|(prefix, _)| prefix);
        prefix.and_then(|prefix| self.registers.get(prefix)).unwrap_or(&self.other)
    }

    /// A request to the operation with the body of its example.
    pub(crate) fn request(&self, api: &TestApi, operation: &Operation) -> TestRequest {
        if operation.is_write() {
            return self.request_with_reason(api, operation, Some(&operation.reason_example()));
        }
        let call = api.request(&operation.method, &self.path(operation));
        operation.request_example().map_or(call.clone(), |body| call.json(body))
    }

    /// A request to the operation with another reason, or with none.
    pub(crate) fn request_with_reason(
        &self,
        api: &TestApi,
        operation: &Operation,
        reason: Option<&Value>,
    ) -> TestRequest {
        let path = self.path(operation);
        let Some(example) = operation.request_example() else {
            let text = |reason: &Value| reason.as_str().map_or_else(|| reason.to_string(), str::to_owned);
            let query = reason.map(|reason| format!("?reason={}", text(reason).replace(' ', "+")));
            let call = api.request(&operation.method, &format!("{path}{}", query.unwrap_or_default()));
            return match operation.bytes_example() {
                Some(bytes) => call.file("report.csv", "text/csv", bytes),
                None => call,
            };
        };
        let mut body = example.clone();
        self.replace_ids(&mut body);
        match reason {
            Some(reason) => body["reason"] = reason.clone(),
            None => {
                body.as_object_mut().unwrap().remove("reason");
            }
        }
        api.request(&operation.method, &path).json(&body)
    }
}

impl PathParams {
    /// Replaces the identifiers of registers in the body of an example by those of stored records.
    fn replace_ids(&self, body: &mut Value) {
        for value in body.as_object_mut().into_iter().flat_map(|members| members.values_mut()) {
            let prefix = value.as_str().and_then(|text| text.rsplit_once('_')).map(|(prefix, _)| prefix);
            if let Some(id) = prefix.and_then(|prefix| self.registers.get(prefix)) {
                *value = id.as_str().into();
            }
        }
    }
}
