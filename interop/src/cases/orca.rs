//! Load reports: with a call, and beside all calls (gRFC A51).

use super::check::equal;
use super::{LIMIT, Outcome, Peer, limited, request, wish};
use crate::orca::OrcaLoadReport;
use crate::orca_service::{OpenRcaServiceClient, OrcaLoadReportRequest};
use crate::runtime::Runtime;
use crate::service::LOAD_TRAILER;
use crate::testing::{SimpleRequest, StreamingOutputCallRequest, TestOrcaReport};
use proto_core::prost::Message;
use std::time::Instant;

fn utilization(value: f64) -> std::collections::HashMap<String, f64> {
    [("util".to_owned(), value)].into()
}

pub(super) async fn orca_per_rpc<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let report = TestOrcaReport {
        cpu_utilization: 0.8210,
        memory_utilization: 0.5847,
        request_cost: [("cost".to_owned(), 3456.32)].into(),
        utilization: utilization(0.30499),
    };
    let wanted = OrcaLoadReport {
        cpu_utilization: report.cpu_utilization,
        mem_utilization: report.memory_utilization,
        request_cost: report.request_cost.clone(),
        utilization: report.utilization.clone(),
    };
    let asking = SimpleRequest { orca_per_query_report: Some(report), ..SimpleRequest::default() };
    let reply = F::settle(peer.test.unary_call(request(asking))).await?;
    let got = reply.trailers().get_bin(LOAD_TRAILER).ok_or("no report came with the call")?;
    equal("report", OrcaLoadReport::decode(got)?, wanted)
}

/// What the server is told in a stream is what it reports from then on.
pub(super) async fn orca_oob<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let asking = OrcaLoadReportRequest {
        report_interval: Some(proto_core::prost_types::Duration { seconds: 0, nanos: 20_000_000 }),
    };
    let mut reports = OpenRcaServiceClient::new(peer.channel.clone()).stream_core_metrics(request(asking));
    let mut call = peer.test.full_duplex_call_with(limited());
    for (cpu, memory, util) in [(0.8210, 0.5847, 0.30499), (0.29309, 0.2, 0.2039)] {
        let report = TestOrcaReport {
            cpu_utilization: cpu,
            memory_utilization: memory,
            utilization: utilization(util),
            ..TestOrcaReport::default()
        };
        let wanted = OrcaLoadReport {
            cpu_utilization: cpu,
            mem_utilization: memory,
            utilization: utilization(util),
            ..OrcaLoadReport::default()
        };
        F::bidi_send(&mut call, StreamingOutputCallRequest { orca_oob_report: Some(report), ..wish([1]) }).await?;
        F::bidi_next(&mut call).await.ok_or("no reply")??;
        let begin = Instant::now();
        while F::next(&mut reports).await.ok_or("the reports ended")?? != wanted {
            if begin.elapsed() > LIMIT {
                return Err("the report did not change".into());
            }
        }
    }
    F::bidi_finish(&mut call).await?;
    equal("after the last", F::bidi_next(&mut call).await.transpose()?, None)
}
