//! `countersign tour`: walks through all five surfaces like a user would and shows every request and
//! answer. What is not as documented ends the tour.

mod after;
mod answer;
mod authd;
mod authv1;
mod guide;
mod line;
mod oidc;
mod ouser;
mod pinned;
mod rest;
mod shorten;
mod target;

use countersign_model::random::Random;

use crate::cli::args::Tour;
use crate::failure::Outcome;
use guide::Guide;
use target::Target;

/// The person who takes the tour.
struct Person {
    email: String,
    password: String,
}

/// Letters and digits without those that look alike.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

impl Person {
    /// Somebody new: the tour may have been taken here before.
    fn new(name: &str, random: &Random) -> Person {
        Person {
            email: format!("{name}-{}@example.com", random.text(ALPHABET, 8)),
            password: random.text(ALPHABET, 16),
        }
    }
}

/// Takes the tour.
///
/// # Errors
/// What was not as documented.
pub async fn run(arguments: Tour) -> Outcome {
    let target = Target::choose(&arguments).await?;
    let random = Random::System;
    let mut person = Person::new("tour", &random);
    let mut guide = Guide::new(&target)?;
    guide.welcome(&target)?;
    let session = ouser::chapter(&mut guide, &person).await?;
    authd::chapter(&mut guide, &person, &random).await?;
    line::chapter(&mut guide, &person, &random).await?;
    authv1::chapter(&mut guide, &person, &random).await?;
    let token = rest::chapter(&mut guide, &person, &random).await?;
    oidc::chapter(&mut guide, &session).await?;
    after::password_change(&mut guide, &mut person, &session, &token, &random).await?;
    after::log_out(&mut guide, &person, &session).await?;
    guide.farewell(&target)?;
    target.end().await;
    Ok(())
}
