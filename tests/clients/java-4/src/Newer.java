import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.UnknownTopicIdException;

/**
 * What only a new Java client asks: topics by their ids, a pattern that the broker resolves, the
 * size of log directories; and a transaction. Member loads it by its name, since older releases
 * can't compile it. Says "ok WHAT" for each, and ends by an exception.
 */
public final class Newer {
    private static final String STRINGS = "org.apache.kafka.common.serialization.String";
    private static final long DEADLINE_MS = 60000;

    private static void check(boolean right, String what) {
        if (!right)
            throw new AssertionError(what);
        System.out.println("ok " + what);
    }

    private static Properties settings(String servers) {
        Properties p = new Properties();
        p.put("bootstrap.servers", servers);
        p.put("key.serializer", STRINGS + "Serializer");
        p.put("value.serializer", STRINGS + "Serializer");
        p.put("key.deserializer", STRINGS + "Deserializer");
        p.put("value.deserializer", STRINGS + "Deserializer");
        return p;
    }

    private static void create(Admin admin, String topic) throws Exception {
        admin.createTopics(List.of(new NewTopic(topic, 1, (short) 3))).all().get();
    }

    private static void describeById(Admin admin, String topic) throws Exception {
        Uuid id = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).topicId();
        Map<Uuid, TopicDescription> found =
                admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds().get();
        check(found.get(id).name().equals(topic), "a topic is described by its id");
        Throwable cause = null;
        try {
            TopicCollection none = TopicCollection.ofTopicIds(List.of(Uuid.randomUuid()));
            admin.describeTopics(none).allTopicIds().get();
        } catch (ExecutionException e) {
            cause = e.getCause();
        }
        check(cause instanceof UnknownTopicIdException, "an unknown id has an error of its own");
    }

    private static void describeLogDirs(Admin admin) throws Exception {
        int broker = admin.describeCluster().nodes().get().iterator().next().id();
        Map<String, LogDirDescription> dirs =
                admin.describeLogDirs(List.of(broker)).allDescriptions().get().get(broker);
        check(!dirs.isEmpty(), "a broker has log directories");
        for (LogDirDescription dir : dirs.values()) {
            long total = dir.totalBytes().orElse(-1);
            long usable = dir.usableBytes().orElse(-1);
            check(usable > 0 && usable <= total, "a volume has a size, and less is free");
        }
    }

    private static void send(String servers, String topic) {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings(servers))) {
            producer.send(new ProducerRecord<>(topic, topic));
        }
    }

    /** Polls until a record of each topic came. */
    private static void readAll(KafkaConsumer<String, String> consumer, Set<String> topics) {
        Set<String> missing = new TreeSet<>(topics);
        long end = System.currentTimeMillis() + DEADLINE_MS;
        while (!missing.isEmpty() && System.currentTimeMillis() < end)
            consumer.poll(Duration.ofMillis(100)).forEach(r -> missing.remove(r.topic()));
        check(missing.isEmpty(), "records of " + topics + " are read, missing " + missing);
    }

    private static void subscribe(Admin admin, String servers) throws Exception {
        Properties p = settings(servers);
        p.put("group.id", "group-newer");
        p.put("group.protocol", "consumer");
        p.put("auto.offset.reset", "earliest");
        create(admin, "pattern-a");
        create(admin, "other-pattern-a");
        send(servers, "pattern-a");
        send(servers, "other-pattern-a");
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(p)) {
            consumer.subscribe(new SubscriptionPattern("pattern-[a-z]+"));
            readAll(consumer, Set.of("pattern-a"));
            create(admin, "pattern-b");
            send(servers, "pattern-b");
            readAll(consumer, Set.of("pattern-b"));
            Set<String> names = new TreeSet<>();
            consumer.assignment().forEach(partition -> names.add(partition.topic()));
            check(names.equals(new TreeSet<>(Arrays.asList("pattern-a", "pattern-b"))),
                    "the pattern takes whole names: " + names);
        }
    }

    private static void transactions(String servers) throws Exception {
        Properties p = settings(servers);
        p.put("transactional.id", "newer");
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(p)) {
            producer.initTransactions();
            producer.beginTransaction();
            long offset = producer.send(new ProducerRecord<>("newer", "x")).get().offset();
            producer.commitTransaction();
            check(offset >= 0, "a transaction is committed, at offset " + offset);
        }
    }

    public static void run(String servers) throws Exception {
        Properties p = new Properties();
        p.put("bootstrap.servers", servers);
        try (Admin admin = Admin.create(p)) {
            create(admin, "newer");
            describeById(admin, "newer");
            describeLogDirs(admin);
            subscribe(admin, servers);
        }
        transactions(servers);
    }
}
