import io.tus.java.client.ProtocolException;
import io.tus.java.client.TusClient;
import io.tus.java.client.TusURLStore;
import io.tus.java.client.TusUpload;
import io.tus.java.client.TusUploader;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * Uploads a file with tus-java-client, over HttpURLConnection, which knows no PATCH. Its arguments are the URL of /tus/, the file, the
 * Cookie header, and a file that keeps the upload's URL, so that another process goes on with the upload.
 *
 * <p>It prints "from" and the offset at which it begins, then "sent" and an offset after each chunk, and waits for a line of stdin
 * before it sends the next one. At the end it prints "done", or "refused" and what tus-java-client says.
 */
public class Resuming {
    private static final int CHUNK = 64 * 1024;
    private static final int REQUEST = 8 * CHUNK;

    public static void main(String[] arguments) throws IOException {
        TusClient client = new TusClient();
        client.setUploadCreationURL(URI.create(arguments[0]).toURL());
        client.setHeaders(Map.of("Cookie", arguments[2]));
        client.enableResuming(new FileStore(Path.of(arguments[3])));
        client.enableRemoveFingerprintOnSuccess();
        try {
            upload(client, new TusUpload(new File(arguments[1])));
            say("done", "");
        } catch (ProtocolException e) {
            say("refused", e.getMessage());
        }
    }

    private static void upload(TusClient client, TusUpload upload) throws ProtocolException, IOException {
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        TusUploader uploader = client.resumeOrCreateUpload(upload);
        uploader.setChunkSize(CHUNK);
        uploader.setRequestPayloadSize(REQUEST);
        say("from", uploader.getOffset());
        while (uploader.uploadChunk() > -1) {
            say("sent", uploader.getOffset());
            if (orders.readLine() == null) {
                throw new IOException("nobody says to go on");
            }
        }
        uploader.finish();
    }

    private static void say(String what, Object more) {
        System.out.println(what + "\t" + more);
        System.out.flush();
    }

    /** Keeps the URL of one upload in a file, as an application does that is to go on after its end. */
    private record FileStore(Path path) implements TusURLStore {
        @Override
        public void set(String fingerprint, URL url) {
            try {
                Files.writeString(path, fingerprint + "\n" + url);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public URL get(String fingerprint) {
            try {
                String[] kept = Files.exists(path) ? Files.readString(path).split("\n") : new String[0];
                return kept.length == 2 && kept[0].equals(fingerprint) ? URI.create(kept[1]).toURL() : null;
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void remove(String fingerprint) {
            try {
                Files.deleteIfExists(path);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
