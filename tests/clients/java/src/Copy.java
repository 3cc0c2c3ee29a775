import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.time.Duration;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.TimeoutException;

/**
 * Copies records between topics in transactions that have the offsets of the source in them. Each
 * seventh one it aborts. README.md has the contract; one source for all releases.
 */
public final class Copy {
    private static final PrintStream OUT = System.out;
    private static final String STRINGS = "org.apache.kafka.common.serialization.String";
    private static final int ABORT_EVERY = 7;

    private final String servers;
    private final String source;
    private final String target;
    private final String group;
    private final String batch;
    private KafkaProducer<String, String> producer;
    private KafkaConsumer<String, String> consumer;
    private int transactions;

    private Copy(String[] args) {
        servers = args[1];
        source = args[2];
        target = args[3];
        group = args[4];
        batch = args[5];
    }

    private static void say(String line) {
        OUT.println(line);
        OUT.flush();
    }

    /** A call that may be made again with the same outcome when its time was not enough. */
    private static void retry(Runnable call) {
        while (true) {
            try {
                call.run();
                return;
            } catch (TimeoutException e) {
                say("note again after " + e);
            }
        }
    }

    private void open() {
        Properties p = new Properties();
        p.put("bootstrap.servers", servers);
        p.put("key.serializer", STRINGS + "Serializer");
        p.put("value.serializer", STRINGS + "Serializer");
        p.put("retry.backoff.ms", "20");
        p.put("transactional.id", group);
        producer = new KafkaProducer<>(p);
        retry(producer::initTransactions);
        p = new Properties();
        p.put("bootstrap.servers", servers);
        p.put("key.deserializer", STRINGS + "Deserializer");
        p.put("value.deserializer", STRINGS + "Deserializer");
        p.put("retry.backoff.ms", "20");
        p.put("group.id", group);
        p.put("isolation.level", "read_committed");
        p.put("enable.auto.commit", "false");
        p.put("auto.offset.reset", "earliest");
        p.put("max.poll.records", batch);
        p.put("session.timeout.ms", "6000");
        p.put("heartbeat.interval.ms", "500");
        consumer = new KafkaConsumer<>(p);
        consumer.subscribe(Collections.singletonList(source));
    }

    private void close() {
        if (consumer != null)
            consumer.close();
        producer.close();
    }

    /** Releases before 2.5 take the name of the group, those from 4.0 on only all that is known of it. */
    private void sendOffsets(Map<TopicPartition, OffsetAndMetadata> offsets) {
        try {
            try {
                Object member = KafkaConsumer.class.getMethod("groupMetadata").invoke(consumer);
                Class<?> type = Class.forName("org.apache.kafka.clients.consumer.ConsumerGroupMetadata");
                KafkaProducer.class.getMethod("sendOffsetsToTransaction", Map.class, type)
                        .invoke(producer, offsets, member);
            } catch (NoSuchMethodException e) {
                KafkaProducer.class.getMethod("sendOffsetsToTransaction", Map.class, String.class)
                        .invoke(producer, offsets, group);
            }
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException)
                throw (RuntimeException) e.getCause();
            throw new IllegalStateException(e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private void rewind(ConsumerRecords<String, String> records) {
        for (TopicPartition p : records.partitions())
            if (consumer.assignment().contains(p))
                consumer.seek(p, records.records(p).get(0).offset());
    }

    private void copy(ConsumerRecords<String, String> records) {
        boolean aborts = ++transactions % ABORT_EVERY == 0;
        producer.beginTransaction();
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (ConsumerRecord<String, String> r : records) {
            producer.send(new ProducerRecord<>(target, r.partition(), r.key(), r.value()));
            if (aborts)
                producer.send(new ProducerRecord<>(target, r.partition(), r.key(), "aborted"));
            offsets.put(new TopicPartition(source, r.partition()),
                    new OffsetAndMetadata(r.offset() + 1));
        }
        retry(() -> sendOffsets(offsets));
        if (aborts) {
            producer.flush();
            retry(producer::abortTransaction);
            rewind(records);
            say("aborted " + records.count());
        } else {
            retry(producer::commitTransaction);
            say("committed " + records.count());
        }
    }

    /** False when the producer can't go on: then another one begins with what is committed. */
    private boolean tryCopy(ConsumerRecords<String, String> records) {
        try {
            copy(records);
            return true;
        } catch (ProducerFencedException | OutOfOrderSequenceException | AuthorizationException e) {
            say("note fatal " + e);
            return false;
        } catch (KafkaException e) {
            say("note " + e + ", by " + e.getCause());
        }
        try {
            retry(producer::abortTransaction);
            rewind(records);
            return true;
        } catch (KafkaException e) {
            say("note fatal in abort " + e + ", by " + e.getCause());
            return false;
        }
    }

    private void live() {
        try {
            open();
            boolean good = true;
            while (good && !Member.stdinEnded) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
                good = records.isEmpty() || tryCopy(records);
            }
        } finally {
            close();
        }
    }

    static void run(String[] args) {
        Copy copy = new Copy(args);
        while (!Member.stdinEnded)
            copy.live();
    }
}
