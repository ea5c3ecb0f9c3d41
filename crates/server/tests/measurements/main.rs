//! Measurements that other tests of the same process would disturb: statements per request, and shared rate limits.

#[path = "../../../store-sql/tests/support/proxy.rs"]
mod proxy;
#[path = "../support/mod.rs"]
mod support;

mod rate_limits;
mod statements;
