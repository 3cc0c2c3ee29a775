import java.util.Collections;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * The Java client as the tests drive it, one line of output for each event.
 *
 * produce SERVERS TOPIC CODEC COUNT: values 0..COUNT-1 with acks=all, "ack VALUE OFFSET" for each.
 * consume SERVERS TOPIC COUNT: assigns partition 0 from its start, "record OFFSET VALUE" for each.
 * load SERVERS TOPIC: an idempotent producer until its stdin ends, "ack VALUE OFFSET" for each.
 *
 * A record that fails is "error TEXT" and exit status 1.
 */
public final class Client {
    private static volatile boolean failed;
    private static volatile boolean stdinEnded;

    private static Properties settings(String servers) {
        Properties p = new Properties();
        p.put("bootstrap.servers", servers);
        p.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        p.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        p.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        p.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        p.put("reconnect.backoff.ms", "5");
        p.put("reconnect.backoff.max.ms", "100");
        p.put("retry.backoff.ms", "10");
        return p;
    }

    private static Callback report(final String value) {
        return (where, error) -> {
            if (error != null) {
                failed = true;
                System.out.println("error " + value + " " + error);
            } else {
                System.out.println("ack " + value + " " + where.offset());
            }
        };
    }

    private static void send(KafkaProducer<String, String> producer, String topic, long n) {
        String value = Long.toString(n);
        producer.send(new ProducerRecord<String, String>(topic, 0, null, value), report(value));
    }

    private static void produce(String servers, String topic, String codec, long count) {
        Properties p = settings(servers);
        p.put("acks", "all");
        p.put("compression.type", codec);
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(p)) {
            for (long n = 0; n < count; n++)
                send(producer, topic, n);
        }
    }

    private static void load(String servers, String topic) throws Exception {
        Properties p = settings(servers);
        p.put("acks", "all");
        p.put("enable.idempotence", "true");
        p.put("linger.ms", "1");
        // The buffer is small, so that the producer can't run far ahead of a cluster that waits.
        p.put("buffer.memory", "1048576");
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(p)) {
            for (long n = 0; !failed && !stdinEnded; n++) {
                send(producer, topic, n);
                // At some 1,000 records a second, until the test closes our stdin.
                long due = System.nanoTime() + 1000000;
                while (System.nanoTime() < due)
                    java.util.concurrent.locks.LockSupport.parkNanos(500000);
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

    private static void consume(String servers, String topic, long count) {
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings(servers))) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(Collections.singletonList(partition));
            consumer.seekToBeginning(Collections.singletonList(partition));
            long seen = 0;
            while (seen < count) {
                for (ConsumerRecord<String, String> r : consumer.poll(java.time.Duration.ofMillis(200))) {
                    System.out.println("record " + r.offset() + " " + r.value());
                    seen++;
                }
            }
        }
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("produce")) {
            produce(args[1], args[2], args[3], Long.parseLong(args[4]));
        } else if (args[0].equals("consume")) {
            consume(args[1], args[2], Long.parseLong(args[3]));
        } else {
            watchStdin();
            load(args[1], args[2]);
        }
        System.out.flush();
        System.exit(failed ? 1 : 0);
    }
}
