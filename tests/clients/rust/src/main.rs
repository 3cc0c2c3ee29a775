//! The Rust crate rdkafka, over the system's librdkafka, behind the contract of tests/clients.

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, DeliveryResult, Producer, ProducerContext};
use rdkafka::producer::ThreadedProducer;
use rdkafka::ClientContext;
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

const TOMBSTONE_EVERY: usize = 10;
const POLL: Duration = Duration::from_millis(100);

static FAILED: AtomicUsize = AtomicUsize::new(0);

/// Reports each record's outcome.
struct Report {
    _default: DefaultProducerContext,
}

impl ClientContext for Report {}

impl ProducerContext for Report {
    type DeliveryOpaque = Box<usize>;

    fn delivery(&self, result: &DeliveryResult<'_>, n: Box<usize>) {
        match result {
            Ok(_) => println!("ack {n}"),
            Err((error, _)) => {
                FAILED.fetch_add(1, Ordering::SeqCst);
                println!("error {n} {error}");
            }
        }
    }
}

fn value(n: usize) -> Option<String> {
    (n % TOMBSTONE_EVERY != TOMBSTONE_EVERY - 1).then(|| format!("v{n}-{}", "abcde".repeat(20)))
}

fn produce(servers: &str, topic: &str, codec: &str, first: usize, count: usize) -> Result<(), KafkaError> {
    let producer: ThreadedProducer<Report> = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("acks", "all")
        .set("compression.type", codec)
        .set("linger.ms", "5")
        .set("message.timeout.ms", "120000")
        .create_with_context(Report { _default: DefaultProducerContext })?;
    for n in first..first + count {
        let (key, text) = (format!("k{n}"), n.to_string());
        let value = value(n);
        let headers = OwnedHeaders::new().insert(Header { key: "n", value: Some(&text) });
        let mut record = BaseRecord::with_opaque_to(topic, Box::new(n)).key(&key).headers(headers);
        record.payload = value.as_ref();
        producer.send(record).map_err(|(error, _)| error)?;
    }
    producer.flush(Duration::from_secs(120))?;
    Ok(())
}

fn text(data: Option<&[u8]>) -> String {
    data.map_or("null".into(), |bytes| String::from_utf8_lossy(bytes).into_owned())
}

fn show(m: &BorrowedMessage) {
    let header = m.headers().filter(|h| h.count() > 0).and_then(|h| h.get(0).value.map(|v| v.to_vec()));
    println!("record {} {} {} {} {}", m.partition(), m.offset(), text(m.key()), text(m.payload()),
        text(header.as_deref()));
}

fn show_assignment(consumer: &BaseConsumer, topic: &str, last: &mut String) -> Result<(), KafkaError> {
    let mut owned: Vec<i32> = consumer.assignment()?.elements_for_topic(topic).iter()
        .map(|e| e.partition()).collect();
    owned.sort();
    let words: Vec<String> = owned.iter().map(|p| p.to_string()).collect();
    let now = if words.is_empty() { "-".into() } else { words.join(",") };
    if now != *last {
        println!("assigned {now}");
        *last = now;
    }
    Ok(())
}

fn consume(servers: &str, topic: &str, group: &str) -> Result<(), KafkaError> {
    let left = Arc::new(AtomicBool::new(false));
    let seen = left.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        seen.store(true, Ordering::SeqCst);
    });
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "500")
        .set("check.crcs", "true")
        .create()?;
    consumer.subscribe(&[topic])?;
    let mut last = String::new();
    while !left.load(Ordering::SeqCst) {
        match consumer.poll(POLL) {
            Some(Ok(message)) => {
                show(&message);
                if let Err(error) = consumer.commit_message(&message, CommitMode::Sync) {
                    println!("note {error}");
                }
            }
            Some(Err(error)) => println!("note {error}"),
            None => {}
        }
        show_assignment(&consumer, topic, &mut last)?;
    }
    Ok(())
}

fn run(args: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    if args[1] == "produce" {
        let (mut first, count) = (args[5].parse()?, args[6].parse()?);
        for codec in args[4].split(',') {
            produce(&args[2], &args[3], codec, first, count)?;
            first += count;
        }
    } else {
        consume(&args[2], &args[3], &args[4])?;
    }
    Ok(())
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Err(error) = run(&args) {
        println!("error {error}");
        std::process::exit(1);
    }
    println!("end");
    std::process::exit(if FAILED.load(Ordering::SeqCst) > 0 { 1 } else { 0 });
}
