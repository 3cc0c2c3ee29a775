// Groups of one real client: rebalance with a second member, commit and resume, static members, and the
// administration of groups. Written to the API of 2.1.0, so that one source serves every version.
//
//     java -cp ... Groups BOOTSTRAP [classic|cooperative|consumer|mixed] [static]
//
// cooperative: the classic protocol with the cooperative-sticky assignor (2.4 and later). mixed: the second
// member is of the consumer protocol, so that the group migrates there and back (3.9 and later).
//
// Prints a line for each step and ends with 0 when all were right.
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

public class Groups {
    static String bootstrap, protocol = "classic";
    static boolean fixed;
    static final int PARTITIONS = 6;

    static void check(boolean ok, String what) {
        System.out.println((ok ? "ok - " : "not ok - ") + what);
        if (!ok)
            System.exit(1);
    }

    static Properties base() {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        return p;
    }

    static Properties consumerProps(String group, int member) {
        Properties p = base();
        p.put("group.id", group);
        p.put("client.id", "member-" + member);
        p.put("enable.auto.commit", "false");
        p.put("auto.offset.reset", "earliest");
        p.put("key.deserializer", StringDeserializer.class.getName());
        p.put("value.deserializer", StringDeserializer.class.getName());
        if (protocol.equals("consumer") || (protocol.equals("mixed") && member == 2))
            p.put("group.protocol", "consumer");
        if (protocol.equals("cooperative"))
            p.put("partition.assignment.strategy",
                  "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
        if (fixed)
            p.put("group.instance.id", "instance-" + member);
        return p;
    }

    // A consumer with a thread of its own: reads until told to stop, commits what it has read.
    static class Member extends Thread {
        final KafkaConsumer<String, String> consumer;
        final Set<TopicPartition> owned = ConcurrentHashMap.newKeySet();
        final Map<String, Integer> seen;
        volatile boolean stop;
        volatile Exception failure;

        Member(String group, int number, String topic, Map<String, Integer> seen) {
            consumer = new KafkaConsumer<>(consumerProps(group, number));
            this.seen = seen;
            consumer.subscribe(Arrays.asList(topic), new ConsumerRebalanceListener() {
                public void onPartitionsRevoked(Collection<TopicPartition> gone) {
                    consumer.commitSync();
                    owned.removeAll(gone);
                }
                public void onPartitionsAssigned(Collection<TopicPartition> got) {
                    owned.addAll(got);
                }
            });
            start();
        }

        public void run() {
            try {
                while (!stop) {
                    ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
                    for (ConsumerRecord<String, String> r : records)
                        seen.merge(r.value(), 1, Integer::sum);
                    owned.clear();
                    owned.addAll(consumer.assignment());
                    if (!records.isEmpty())
                        consumer.commitSync();
                }
                consumer.close();
            } catch (Exception e) {
                failure = e;
                e.printStackTrace();
            }
        }

        void end() throws Exception {
            stop = true;
            join();
            check(failure == null, "the member ended without an exception");
        }
    }

    interface Condition {
        boolean met() throws Exception;
    }

    static void await(String what, Condition condition) throws Exception {
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (!condition.met() && System.nanoTime() < deadline)
            java.util.concurrent.locks.LockSupport.parkNanos(20_000_000);
        check(condition.met(), what);
    }

    static void produce(String topic, String prefix, int count) throws Exception {
        Properties p = base();
        p.put("acks", "all");
        p.put("key.serializer", StringSerializer.class.getName());
        p.put("value.serializer", StringSerializer.class.getName());
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(p)) {
            for (int i = 0; i < count; i++)
                producer.send(new ProducerRecord<>(topic, i % PARTITIONS, "k" + i, prefix + i));
        }
    }

    static boolean has(Map<String, Integer> seen, String prefix, int count) {
        for (int i = 0; i < count; i++)
            if (!seen.containsKey(prefix + i))
                return false;
        return true;
    }

    static void members(String group, String topic) throws Exception {
        Map<String, Integer> seen = new ConcurrentHashMap<>();
        produce(topic, "a", 600);
        Member one = new Member(group, 1, topic, seen);
        await("one member has all partitions", () -> one.owned.size() == PARTITIONS);
        await("and reads everything", () -> has(seen, "a", 600));
        Member two = new Member(group, 2, topic, seen);
        await("a second member gets half", () -> two.owned.size() == 3 && one.owned.size() == 3);
        Set<TopicPartition> both = new HashSet<>(one.owned);
        both.addAll(two.owned);
        check(both.size() == PARTITIONS, "no partition has two owners");
        produce(topic, "b", 600);
        await("both read on", () -> has(seen, "b", 600));
        if (fixed)
            return_of_static(group, topic, two, seen);
        else
            two.end();
        one_alone(one, seen, topic);
        one.end();
        check(seen.values().stream().allMatch(n -> n == 1), "each record was read once");
    }

    // It restarts: it keeps its partitions, and nobody rebalances.
    static void return_of_static(String group, String topic, Member two, Map<String, Integer> seen)
        throws Exception {
        Set<TopicPartition> before = new HashSet<>(two.owned);
        two.end();
        Member back = new Member(group, 2, topic, seen);
        await("a static member is back with its partitions", () -> back.owned.equals(before));
        produce(topic, "s", 60);
        await("and reads on", () -> has(seen, "s", 60));
        back.end();
    }

    static void one_alone(Member one, Map<String, Integer> seen, String topic) throws Exception {
        if (fixed)
            return; // the other's session has yet to end
        await("when it leaves, the first has all again", () -> one.owned.size() == PARTITIONS);
        produce(topic, "c", 60);
        await("and reads on", () -> has(seen, "c", 60));
    }

    static void resume(String group, String topic) throws Exception {
        if (fixed)
            return;
        Map<String, Integer> seen = new ConcurrentHashMap<>();
        produce(topic, "d", 60);
        Member again = new Member(group, 3, topic, seen);
        await("a new process resumes", () -> has(seen, "d", 60));
        check(seen.size() == 60, "behind what was committed");
        again.end();
    }

    static void admin(String group, String topic) throws Exception {
        try (AdminClient admin = AdminClient.create(base())) {
            Map<TopicPartition, OffsetAndMetadata> offsets =
                admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
            check(offsets.size() == PARTITIONS, "all partitions have committed offsets");
            boolean listed = false;
            for (ConsumerGroupListing g : admin.listConsumerGroups().all().get())
                listed |= g.groupId().equals(group);
            check(listed, "the group is listed");
            ConsumerGroupDescription d =
                admin.describeConsumerGroups(Arrays.asList(group)).all().get().get(group);
            check(fixed || d.members().isEmpty(), "and has no members: " + d);
            if (!fixed) {
                admin.deleteConsumerGroups(Arrays.asList(group)).all().get();
                check(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get()
                          .isEmpty(), "it can be deleted");
            }
            admin.deleteTopics(Arrays.asList(topic)).all().get();
        }
    }

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        if (args.length > 1)
            protocol = args[1];
        fixed = args.length > 2 && args[2].equals("static");
        String topic = "groups-" + UUID.randomUUID();
        String group = "group-" + topic;
        try (AdminClient admin = AdminClient.create(base())) {
            admin.createTopics(Arrays.asList(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
        }
        members(group, topic);
        resume(group, topic);
        admin(group, topic);
    }
}
