import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Fills partitions (fill BOOTSTRAP RECORDS BYTES TOPIC:PARTITIONS...), or reads them from their beginning
 *  (drain BOOTSTRAP RECORDS SECONDS name=value,... TOPIC:PARTITIONS...; "-" = default settings): prints how
 *  many records came, from how many partitions, and after how many ms the last one. */
public class Backlog {
    public static void main(String[] args) throws Exception {
        boolean fill = args[0].equals("fill");
        List<TopicPartition> partitions = new ArrayList<>();
        for (int i = fill ? 4 : 5; i < args.length; i++) {
            String[] words = args[i].split(":");
            for (int p = 0; p < Integer.parseInt(words[1]); p++)
                partitions.add(new TopicPartition(words[0], p));
        }
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", args[1]);
        if (fill)
            fill(settings, Integer.parseInt(args[2]), Integer.parseInt(args[3]), partitions);
        else
            drain(settings, Integer.parseInt(args[2]) * partitions.size(), Integer.parseInt(args[3]), args[4],
                    partitions);
    }

    private static void fill(Map<String, Object> settings, int records, int bytes, List<TopicPartition> partitions) {
        settings.put("acks", "1");
        settings.put("enable.idempotence", false);
        settings.put("max.request.size", 4 << 20);
        settings.put("batch.size", 0);
        Random random = new Random(1);
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int i = 0; i < records; i++)
                for (TopicPartition partition : partitions) {
                    byte[] value = new byte[bytes];
                    random.nextBytes(value);
                    producer.send(new ProducerRecord<>(partition.topic(), partition.partition(), null, value),
                            (metadata, error) -> {
                                if (error != null) {
                                    System.err.println(error);
                                    System.exit(1);
                                }
                            });
                }
        }
    }

    private static void drain(Map<String, Object> settings, int expected, int seconds, String more,
            List<TopicPartition> partitions) {
        settings.put("enable.auto.commit", false);
        if (!more.equals("-"))
            for (String pair : more.split(","))
                settings.put(pair.split("=")[0], pair.split("=")[1]);
        Map<TopicPartition, Integer> seen = new HashMap<>();
        int count = 0;
        long last = 0;
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long start = System.nanoTime();
            while (count < expected && System.nanoTime() - start < seconds * 1_000_000_000L)
                for (var record : consumer.poll(Duration.ofMillis(100))) {
                    count++;
                    seen.merge(new TopicPartition(record.topic(), record.partition()), 1, Integer::sum);
                    last = System.nanoTime() - start;
                }
        }
        System.out.printf("%d %d %d%n", count, seen.size(), last / 1_000_000);
    }
}
