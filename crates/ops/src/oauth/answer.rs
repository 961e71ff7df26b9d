//! What goes back to the client, plain or as one signed JWT (JWT Secured Authorization Response Mode, JARM).

use std::time::Duration;

use countersign_model::key::Algorithm;
use countersign_model::oauth::Client;
use serde_json::{Map, Value};

use super::read_request::{Destination, Fault};
use super::start_authorization::Answer;
use crate::{Core, Unavailable};

/// How long a signed answer is good: no longer than JARM §2.1 recommends.
const GOOD_FOR: Duration = Duration::from_secs(600);

impl Core {
    /// The answer that refuses.
    ///
    /// # Errors
    /// [`Unavailable`] if it is to be signed and there is no key.
    pub(crate) async fn refusal(
        &self,
        client: &Client,
        to: Destination,
        Fault(code, why): Fault,
    ) -> Result<Answer, Unavailable> {
        let what = vec![("error", code.text().to_owned()), ("error_description", why.to_owned())];
        self.answer(client, to, what).await
    }

    /// An answer with what every one bears: `state`, and `iss`, by which a client of several servers tells
    /// whose it is (RFC 9207). A signed one bears them in its claims and nowhere else.
    ///
    /// # Errors
    /// [`Unavailable`] if it is to be signed and there is no key.
    pub(crate) async fn answer(
        &self,
        client: &Client,
        to: Destination,
        what: Vec<(&'static str, String)>,
    ) -> Result<Answer, Unavailable> {
        let Destination { redirect_uri, mode, state } = to;
        let mut parameters = what;
        parameters.extend(state.map(|state| ("state", state)));
        parameters.push(("iss", self.settings.public_url.clone()));
        if mode.is_jwt() {
            parameters = vec![("response", self.sign_answer(client, parameters).await?)];
        }
        Ok(Answer { redirect_uri, mode, parameters })
    }

    /// Waits for the key that an answer needs.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn await_answer_key(
        &self,
        client: &Client,
        to: &Destination,
    ) -> Result<(), Unavailable> {
        if to.mode.is_jwt() {
            self.oauth_keys_with(algorithm(client)).await?;
        }
        Ok(())
    }

    async fn sign_answer(
        &self,
        client: &Client,
        parameters: Vec<(&'static str, String)>,
    ) -> Result<String, Unavailable> {
        let named = parameters.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
        let mut claims: Map<String, Value> = named.collect();
        claims.insert("aud".to_owned(), client.id.as_str().into());
        claims.insert("exp".to_owned(), self.clock.now().after(GOOD_FOR).seconds().into());
        let algorithm = algorithm(client);
        self.oauth_keys_with(algorithm).await?.sign(algorithm, "JWT", &claims)
    }
}

/// What the client wants its answers signed with; like its ID tokens if it does not say.
fn algorithm(client: &Client) -> Algorithm {
    let metadata = &client.metadata;
    metadata.authorization_signed_response_alg.unwrap_or(metadata.id_token_signed_response_alg)
}
