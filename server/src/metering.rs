//! The recorder behind the `metrics` macros, one a process, and the help texts of what is measured here.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Bounds of the histograms in seconds: from a fast read to a slow link's upload.
const SECONDS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

/// Bounds of the histogram of jobs in one commit.
const JOBS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// Installs the recorder when there is none, and gives what renders it.
pub fn install() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = builder().build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another recorder is installed: /metrics stays empty");
            }
            describe();
            handle
        })
        .clone()
}

fn builder() -> PrometheusBuilder {
    let builder = PrometheusBuilder::new();
    let with_seconds = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS);
    let builder = with_seconds.unwrap_or_else(|_| PrometheusBuilder::new());
    let with_jobs = builder.set_buckets_for_metric(Matcher::Full("hazard_db_jobs_per_commit".to_owned()), JOBS);
    with_jobs.unwrap_or_else(|_| PrometheusBuilder::new())
}

fn describe() {
    metrics::describe_counter!("hazard_photo_bytes_received_total", "Bytes of photos taken in by uploads");
    metrics::describe_counter!("hazard_photos_stored_total", "Photos whose last byte was stored");
    metrics::describe_counter!("hazard_photos_reduced_total", "Photos reduced, or refused by the decoder");
    metrics::describe_counter!("hazard_http_requests_total", "Requests answered, by method, route pattern and status");
    metrics::describe_histogram!("hazard_http_request_seconds", "Time from a request's head to its answer's head");
    metrics::describe_counter!(
        "hazard_requests_limited_total",
        "Requests refused, by class and by whose share is used up"
    );
    metrics::describe_gauge!("hazard_tls_expiry_seconds", "Seconds until the TLS certificate ends");
    metrics::describe_gauge!("hazard_db_writer_queue_jobs", "Write transactions that wait for the writer");
    metrics::describe_histogram!("hazard_db_jobs_per_commit", "Write transactions committed together");
    metrics::describe_histogram!("hazard_db_commit_seconds", "Time of a commit, its fsync included");
}
