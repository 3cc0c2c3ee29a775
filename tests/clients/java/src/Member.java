import java.io.PrintStream;
import java.time.Duration;
import java.util.Collections;
import java.util.Properties;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.header.Header;

/** The Java client behind the contract of tests/clients/README.md; one source for all releases. */
public final class Member {
    private static final PrintStream OUT = System.out;
    private static final String STRINGS = "org.apache.kafka.common.serialization.String";
    static volatile boolean stdinEnded;
    private static volatile boolean failed;

    static synchronized void say(String line) {
        OUT.println(line);
        OUT.flush();
    }

    private static Properties settings(String servers) {
        Properties p = new Properties();
        p.put("bootstrap.servers", servers);
        p.put("key.serializer", STRINGS + "Serializer");
        p.put("value.serializer", STRINGS + "Serializer");
        p.put("key.deserializer", STRINGS + "Deserializer");
        p.put("value.deserializer", STRINGS + "Deserializer");
        p.put("retry.backoff.ms", "20");
        return p;
    }

    private static String value(int n) {
        if (n % 10 == 9)
            return null;
        StringBuilder text = new StringBuilder("v" + n + "-");
        for (int i = 0; i < 20; i++)
            text.append("abcde");
        return text.toString();
    }

    private static void produce(String servers, String topic, String codec, int first, int count) {
        Properties p = settings(servers);
        p.put("acks", "all");
        p.put("retries", "1000000");
        p.put("linger.ms", "5");
        p.put("compression.type", codec);
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(p)) {
            for (int i = first; i < first + count; i++) {
                final int n = i;
                ProducerRecord<String, String> record =
                        new ProducerRecord<>(topic, "k" + n, value(n));
                record.headers().add("n", Integer.toString(n).getBytes());
                producer.send(record, (where, error) -> {
                    failed |= error != null;
                    say(error == null ? "ack " + n : "error " + n + " " + error);
                });
            }
        }
    }

    private static void show(ConsumerRecords<String, String> records) {
        for (ConsumerRecord<String, String> r : records) {
            Header header = r.headers().lastHeader("n");
            say("record " + r.partition() + " " + r.offset() + " " + r.key() + " " + r.value() + " "
                    + (header == null ? "null" : new String(header.value())));
        }
    }

    private static String assignment(KafkaConsumer<String, String> consumer) {
        TreeSet<Integer> partitions = new TreeSet<>();
        for (TopicPartition p : consumer.assignment())
            partitions.add(p.partition());
        return partitions.isEmpty() ? "-" : partitions.toString().replaceAll("[\\[\\] ]", "");
    }

    private static void consume(String servers, String topic, String group, String protocol) {
        Properties p = settings(servers);
        p.put("group.id", group);
        p.put("enable.auto.commit", "false");
        p.put("auto.offset.reset", "earliest");
        if (protocol.equals("consumer")) {
            p.put("group.protocol", "consumer");
        } else {
            p.put("session.timeout.ms", "6000");
            p.put("heartbeat.interval.ms", "500");
        }
        String last = "";
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(p)) {
            consumer.subscribe(Collections.singletonList(topic));
            while (!stdinEnded) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
                show(records);
                String now = assignment(consumer);
                if (!now.equals(last))
                    say("assigned " + now);
                last = now;
                try {
                    if (!records.isEmpty())
                        consumer.commitSync();
                } catch (CommitFailedException | RetriableException e) {
                    say("note " + e);
                }
            }
        }
    }

    private static void watchStdin() {
        Thread thread = new Thread(() -> {
            try {
                while (System.in.read() >= 0) {
                }
            } catch (java.io.IOException e) {
                // The pipe is gone: the same as its end.
            }
            stdinEnded = true;
        });
        thread.setDaemon(true);
        thread.start();
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("produce")) {
            int first = Integer.parseInt(args[4]);
            int count = Integer.parseInt(args[5]);
            for (String codec : args[3].split(",")) {
                produce(args[1], args[2], codec, first, count);
                first += count;
            }
        } else if (args[0].equals("transact")) {
            watchStdin();
            new Copier(settings(args[1]), args[2], args[3], args[4]).run();
        } else if (args[0].equals("newer")) {
            Class.forName("Newer").getMethod("run", String.class).invoke(null, args[1]);
        } else if (args[0].equals("copy")) {
            watchStdin();
            Copy.run(args);
        } else {
            watchStdin();
            consume(args[1], args[2], args[3], args[4]);
        }
        say("end");
        System.exit(failed ? 1 : 0);
    }
}
