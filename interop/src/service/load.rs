//! The load that clients ask the server to report (gRFC A51): with a call, and beside all calls.

use crate::orca::OrcaLoadReport;
use crate::testing::TestOrcaReport;
use proto_core::prost::Message;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Trailing metadata: the report of a call, serialized.
pub const LOAD_TRAILER: &str = "endpoint-load-metrics-bin";

/// How often OpenRcaService reports when its client leaves that open.
const INTERVAL: Duration = Duration::from_secs(1);
/// No client gets reports more often.
const LEAST_INTERVAL: Duration = Duration::from_millis(10);

/// What is reported beside all calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    current: Arc<Mutex<OrcaLoadReport>>,
}

impl Load {
    pub(super) fn set(&self, report: &TestOrcaReport) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = load_report(report);
    }

    pub(super) fn get(&self) -> OrcaLoadReport {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The wait between two reports, as the client wants it.
pub(super) fn interval(wanted: Option<&proto_core::prost_types::Duration>) -> Duration {
    let wanted = wanted.and_then(|wanted| Duration::try_from(*wanted).ok()).filter(|wanted| !wanted.is_zero());
    wanted.unwrap_or(INTERVAL).max(LEAST_INTERVAL)
}

/// As it travels in the trailing metadata.
pub(super) fn encoded(report: &TestOrcaReport) -> Vec<u8> {
    load_report(report).encode_to_vec()
}

fn load_report(report: &TestOrcaReport) -> OrcaLoadReport {
    OrcaLoadReport {
        cpu_utilization: report.cpu_utilization,
        mem_utilization: report.memory_utilization,
        request_cost: report.request_cost.clone(),
        utilization: report.utilization.clone(),
    }
}
