//! What went wrong, for logs and for those who decide whether to try again.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The service's code and message, or why there was no answer.
pub(crate) fn describe<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.as_service_error() {
        Some(refused) => format!("{}: {}", refused.code().unwrap_or("no code"), refused.message().unwrap_or("no message")),
        None => DisplayErrorContext(error).to_string(),
    }
}

/// The service's own code; empty where it gave no answer.
pub(crate) fn code_of<E>(error: &SdkError<E, HttpResponse>) -> &str
where
    E: ProvideErrorMetadata,
{
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default()
}
