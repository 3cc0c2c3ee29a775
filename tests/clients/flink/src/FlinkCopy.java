import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * A Flink job that copies numbers between topics with an exactly-once sink; README.md has the contract.
 * It begins with the last checkpoint that an earlier life has left in its directory.
 */
public final class FlinkCopy {
    private static final PrintStream OUT = System.out;
    private static final int PARTITIONS = 3;
    private static final int PARALLELISM = 2;
    private static final String TRANSACTION_MS = "60000";

    /** Where the next failure is to happen: record, snapshot or complete; null is nowhere. */
    private static final AtomicReference<String> FAIL = new AtomicReference<>();

    private FlinkCopy() {}

    private static synchronized void say(String line) {
        OUT.println(line);
        OUT.flush();
    }

    /** Hands on what it gets, and fails once where it was told to. */
    private static final class Faulty extends RichMapFunction<String, String>
            implements CheckpointedFunction, CheckpointListener {
        private static final long serialVersionUID = 1;

        private static void maybeFail(String where) {
            if (FAIL.compareAndSet(where, null)) {
                say("failed " + where);
                throw new IllegalStateException("as it was told to, at a " + where);
            }
        }

        @Override
        public String map(String value) {
            maybeFail("record");
            return value;
        }

        @Override
        public void snapshotState(FunctionSnapshotContext context) {
            maybeFail("snapshot");
        }

        @Override
        public void notifyCheckpointComplete(long id) {
            maybeFail("complete");
        }

        @Override
        public void initializeState(FunctionInitializationContext context) {
            say("attempt " + getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() + " "
                    + getRuntimeContext().getTaskInfo().getAttemptNumber()
                    + (context.isRestored() ? " restored" : " new"));
        }
    }

    /** Number n goes to partition n modulo their count, as it came. */
    private static KafkaRecordSerializationSchema<String> toPartition(String topic) {
        return (value, context, time) -> new ProducerRecord<>(topic, Integer.parseInt(value) % PARTITIONS,
                null, value.getBytes(StandardCharsets.UTF_8));
    }

    private static Optional<Path> lastCheckpoint(Path directory) throws IOException {
        if (!Files.exists(directory))
            return Optional.empty();
        try (Stream<Path> paths = Files.walk(directory)) {
            List<Path> found = paths.filter(p -> p.endsWith("_metadata")).collect(Collectors.toList());
            return found.stream().max(Comparator.comparing(p -> p.toFile().lastModified()))
                    .map(Path::getParent);
        }
    }

    private static Configuration configuration(Path directory) throws IOException {
        Configuration c = new Configuration();
        c.setString("execution.checkpointing.interval", "500 ms");
        c.setString("execution.checkpointing.mode", "EXACTLY_ONCE");
        c.setString("execution.checkpointing.dir", directory.toUri().toString());
        c.setString("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
        c.setString("execution.checkpointing.timeout", "60 s");
        c.setString("execution.checkpointing.tolerable-failed-checkpoints", "1000");
        c.setString("restart-strategy.type", "fixed-delay");
        c.setString("restart-strategy.fixed-delay.attempts", "10000");
        c.setString("restart-strategy.fixed-delay.delay", "100 ms");
        c.setString("taskmanager.memory.managed.size", "16 mb");
        Optional<Path> last = lastCheckpoint(directory);
        if (last.isPresent()) {
            c.setString("execution.state-recovery.path", last.get().toUri().toString());
            say("note begins with " + last.get().getFileName());
        }
        return c;
    }

    private static Properties quick() {
        Properties p = new Properties();
        p.put("retry.backoff.ms", "20");
        p.put("transaction.timeout.ms", TRANSACTION_MS);
        return p;
    }

    private static JobClient start(String servers, String source, String target, String name,
            Path directory) throws Exception {
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.createLocalEnvironment(PARALLELISM, configuration(directory));
        KafkaSource<String> from = KafkaSource.<String>builder().setBootstrapServers(servers)
                .setTopics(source).setGroupId(name).setStartingOffsets(OffsetsInitializer.earliest())
                .setValueOnlyDeserializer(new SimpleStringSchema())
                .setProperty("isolation.level", "read_committed").setProperty("retry.backoff.ms", "20")
                .build();
        KafkaSink<String> to = KafkaSink.<String>builder().setBootstrapServers(servers)
                .setRecordSerializer(toPartition(target))
                .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE).setTransactionalIdPrefix(name)
                .setKafkaProducerConfig(quick()).build();
        env.fromSource(from, WatermarkStrategy.noWatermarks(), "source").uid("source")
                .map(new Faulty()).uid("faulty").sinkTo(to).uid("sink");
        return env.executeAsync(name);
    }

    /** The job ends with a savepoint, which commits all that it has copied. */
    private static void stop(JobClient job, Path directory) throws Exception {
        for (String last = "";;) {
            try {
                job.stopWithSavepoint(false, directory.toUri().toString(), SavepointFormatType.NATIVE).get();
                return;
            } catch (ExecutionException e) { // it restarts just now
                if (!e.toString().equals(last))
                    say("note stopping: " + e);
                last = e.toString();
            }
        }
    }

    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[5]);
        JobClient job = start(args[1], args[2], args[3], args[4], directory);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine())
            FAIL.set(line.trim().intern()); // they are compared by identity
        stop(job, directory);
        job.getJobExecutionResult().get();
        say("end");
        System.exit(0);
    }
}
