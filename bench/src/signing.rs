//! The signing reference: ES256 signatures of a token's size on every thread, and nothing else.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::json;

use crate::Result;

/// As many bytes as header and claims of an access token have in base64.
const BYTES: usize = 480;

#[derive(clap::Args)]
pub struct Options {
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let threads = std::thread::available_parallelism()?.get();
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let ends = Instant::now() + Duration::from_secs_f64(options.seconds);
    let signed = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| sign_until(&key, ends))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| "a signing thread died")?)
            .sum::<Result<f64>>()
    })?;
    println!("{}", json!({ "per_second": signed / options.seconds }));
    Ok(ExitCode::SUCCESS)
}

fn sign_until(key: &EcdsaKeyPair, ends: Instant) -> Result<f64> {
    let (random, message) = (SystemRandom::new(), [b'x'; BYTES]);
    let mut signed = 0.0;
    while Instant::now() < ends {
        key.sign(&random, &message)?;
        signed += 1.0;
    }
    Ok(signed)
}
