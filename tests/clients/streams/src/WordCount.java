import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.ThreadMetadata;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.StandbyUpdateListener;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.processor.TaskId;

/**
 * Kafka Streams counts words exactly once; and a reader of what it has committed. README.md has the
 * contract. There is no cache before the output, so that each word's history is 1, 2, 3, and so on.
 */
public final class WordCount {
    private static final String APPLICATION = "word-count";
    private static final String STORE = "counts";
    private static final CountDownLatch STDIN_ENDED = new CountDownLatch(1);

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    private static Topology topology(String source, String target) {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, String> lines =
                builder.stream(source, Consumed.with(Serdes.String(), Serdes.String()));
        lines.flatMapValues(line -> List.of(line.split(" ")))
                .groupBy((key, word) -> word, Grouped.with("words", Serdes.String(), Serdes.String()))
                .count(Materialized.as(STORE))
                .toStream()
                .to(target, Produced.with(Serdes.String(), Serdes.Long()));
        return builder.build();
    }

    private static Properties settings(String servers, String directory, int standbys) {
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, APPLICATION);
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, servers);
        p.put(StreamsConfig.STATE_DIR_CONFIG, directory);
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        p.put(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, standbys);
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        p.put(StreamsConfig.REPARTITION_PURGE_INTERVAL_MS_CONFIG, 1000);
        // Most of the time a transaction is open and has records that brokers have already.
        p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 300);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 5);
        // What an instance that was killed leaves behind ends soon: its session and its transaction.
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 6000);
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG), 500);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG), 6000);
        return p;
    }

    private static final class Restored implements StateRestoreListener {
        @Override
        public void onRestoreStart(TopicPartition p, String store, long first, long end) {
        }

        @Override
        public void onBatchRestored(TopicPartition p, String store, long offset, long count) {
        }

        @Override
        public void onRestoreEnd(TopicPartition p, String store, long count) {
            say("restored " + p.partition() + " " + count);
        }
    }

    /** A store of another instance's task, which is kept here as well. */
    private static final class Standby implements StandbyUpdateListener {
        @Override
        public void onUpdateStart(TopicPartition p, String store, long first) {
        }

        @Override
        public void onBatchLoaded(
                TopicPartition p, String store, TaskId task, long last, long count, long end) {
            say("standby " + p.partition() + " " + count);
        }

        @Override
        public void onUpdateSuspended(
                TopicPartition p, String store, long offset, long end, SuspendReason reason) {
            if (reason == SuspendReason.PROMOTED)
                say("promoted " + p.partition());
        }
    }

    private static String tasks(KafkaStreams streams, KafkaStreams.State now) {
        TreeSet<String> tasks = new TreeSet<>();
        if (now != KafkaStreams.State.RUNNING)
            return "-";
        for (ThreadMetadata thread : streams.metadataForLocalThreads())
            thread.activeTasks().forEach(task -> tasks.add(task.taskId().toString()));
        return tasks.isEmpty() ? "-" : String.join(",", tasks);
    }

    /** A thread that fails is said and replaced, as an application that is to live on does it. */
    private static StreamThreadExceptionResponse replace(Throwable error) {
        say("note " + error + ", by " + error.getCause());
        error.printStackTrace();
        return StreamThreadExceptionResponse.REPLACE_THREAD;
    }

    private static void count(String servers, String source, String target, String directory,
            int standbys) throws Exception {
        // RocksDB unpacks its library there, and would leave it there when it is killed.
        System.setProperty("java.io.tmpdir", Files.createDirectories(Path.of(directory)).toString());
        try (KafkaStreams streams = new KafkaStreams(
                        topology(source, target), settings(servers, directory, standbys))) {
            streams.setStateListener(
                    (now, before) -> say("state " + now + " " + tasks(streams, now)));
            streams.setGlobalStateRestoreListener(new Restored());
            streams.setStandbyUpdateListener(new Standby());
            streams.setUncaughtExceptionHandler(WordCount::replace);
            streams.start();
            STDIN_ENDED.await();
        }
    }

    private static boolean reached(
            KafkaConsumer<String, Long> consumer, Map<TopicPartition, Long> ends) {
        return ends.entrySet().stream().allMatch(e -> consumer.position(e.getKey()) >= e.getValue());
    }

    /** From the beginning on; when stdin has ended, up to the last stable offsets of that moment. */
    private static void read(String servers, String topic, String isolation) {
        Properties p = new Properties();
        p.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, servers);
        p.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, isolation);
        p.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        p.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        try (KafkaConsumer<String, Long> consumer =
                        new KafkaConsumer<>(p, new StringDeserializer(), new LongDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (PartitionInfo info : consumer.partitionsFor(topic))
                partitions.add(new TopicPartition(topic, info.partition()));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = null;
            while (ends == null || !reached(consumer, ends)) {
                for (ConsumerRecord<String, Long> r : consumer.poll(Duration.ofMillis(100)))
                    say("record " + r.partition() + " " + r.offset() + " " + r.key() + " " + r.value());
                if (ends == null && STDIN_ENDED.getCount() == 0)
                    ends = consumer.endOffsets(partitions);
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
            STDIN_ENDED.countDown();
        });
        thread.setDaemon(true);
        thread.start();
    }

    public static void main(String[] args) throws Exception {
        watchStdin();
        if (args[0].equals("count"))
            count(args[1], args[2], args[3], args[4], Integer.parseInt(args[5]));
        else
            read(args[1], args[2], args[3]);
        say("end");
        System.exit(0);
    }
}
