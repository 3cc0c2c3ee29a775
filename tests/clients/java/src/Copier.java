import java.lang.reflect.Method;
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
import org.apache.kafka.common.TopicPartition;

/** Copies a topic in transactions (tests/clients/README.md); one source for all releases. */
final class Copier {
    private static final int ABORT_EVERY = 3;

    private final KafkaProducer<String, String> producer;
    private final KafkaConsumer<String, String> consumer;
    private final String target;
    private final String group;
    private int count;

    Copier(Properties settings, String source, String target, String group) {
        Properties p = (Properties) settings.clone();
        p.put("acks", "all");
        p.put("transactional.id", "copy-" + group);
        producer = new KafkaProducer<>(p);
        Properties c = (Properties) settings.clone();
        c.put("group.id", group);
        c.put("enable.auto.commit", "false");
        c.put("auto.offset.reset", "earliest");
        c.put("isolation.level", "read_committed");
        c.put("max.poll.records", "10");
        consumer = new KafkaConsumer<>(c);
        consumer.subscribe(Collections.singletonList(source));
        this.target = target;
        this.group = group;
        producer.initTransactions();
    }

    /** Java 2.5 and later say which member commits; older ones name the group alone. */
    private void sendOffsets(Map<TopicPartition, OffsetAndMetadata> offsets) throws Exception {
        for (Method m : KafkaConsumer.class.getMethods())
            if (m.getName().equals("groupMetadata")) {
                Object metadata = m.invoke(consumer);
                Class<?> type = Class.forName("org.apache.kafka.clients.consumer.ConsumerGroupMetadata");
                KafkaProducer.class.getMethod("sendOffsetsToTransaction", Map.class, type)
                        .invoke(producer, offsets, metadata);
                return;
            }
        KafkaProducer.class.getMethod("sendOffsetsToTransaction", Map.class, String.class)
                .invoke(producer, offsets, group);
    }

    private void abort(ConsumerRecords<String, String> records) {
        producer.send(new ProducerRecord<>(target, "aborted"));
        producer.flush();
        producer.abortTransaction();
        for (TopicPartition p : records.partitions())
            consumer.seek(p, records.records(p).get(0).offset());
        Member.say("aborted");
    }

    private void one(ConsumerRecords<String, String> records) throws Exception {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        producer.beginTransaction();
        for (ConsumerRecord<String, String> r : records) {
            producer.send(new ProducerRecord<>(target, r.key(), r.value()));
            offsets.put(new TopicPartition(r.topic(), r.partition()),
                    new OffsetAndMetadata(r.offset() + 1));
        }
        sendOffsets(offsets);
        if (++count % ABORT_EVERY == 0) {
            abort(records);
            return;
        }
        producer.commitTransaction();
        Member.say("copied " + records.count());
    }

    void run() throws Exception {
        while (!Member.stdinEnded) {
            ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
            if (!records.isEmpty())
                one(records);
        }
        producer.close();
        consumer.close();
    }
}
