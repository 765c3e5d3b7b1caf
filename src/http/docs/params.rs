use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::{IntoParams, PartialSchema};

/// The header of calls that want a factor proved of late, if the session has not proved one.
pub struct Success;

impl IntoParams for Success {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let what = "What a confirmation at `/api/v2/my/2fa/challenge` ends in; used up by this call.";
        let header = ParameterBuilder::new().name("X-Success-Token").parameter_in(ParameterIn::Header);
        vec![header.required(Required::False).description(Some(what)).schema(Some(String::schema())).build()]
    }
}
