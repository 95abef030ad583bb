import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;

/**
 * Sends bodies as Cordova's FileTransfer does: HttpURLConnection in streaming mode, which reads nothing before it has written
 * everything. A question is a line of stdin, its parts between tabs: URL, bytes, "fixed" or "chunked", and headers as
 * "Name: value". An answer is a line of stdout: the status, and the body where HttpURLConnection gives it, or "error" and why.
 *
 * <p>Run it with -Dsun.net.http.allowRestrictedHeaders=true, for Connection, Origin and Sec-Fetch-Site.
 */
public class Streaming {
    public static void main(String[] arguments) throws IOException {
        BufferedReader questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = questions.readLine(); line != null; line = questions.readLine()) {
            String answer;
            try {
                answer = ask(line.split("\t"));
            } catch (Exception e) {
                answer = "error\t" + e;
            }
            System.out.println(answer.replace('\n', ' '));
            System.out.flush();
        }
    }

    private static String ask(String[] question) throws Exception {
        HttpURLConnection connection = (HttpURLConnection) URI.create(question[0]).toURL().openConnection();
        connection.setConnectTimeout(10_000);
        connection.setReadTimeout(60_000);
        connection.setRequestMethod("POST");
        connection.setDoOutput(true);
        connection.setUseCaches(false);
        long left = Long.parseLong(question[1]);
        if (question[2].equals("fixed")) {
            connection.setFixedLengthStreamingMode(left);
        } else {
            connection.setChunkedStreamingMode(16 * 1024);
        }
        for (int i = 3; i < question.length; i++) {
            String[] header = question[i].split(": ", 2);
            connection.setRequestProperty(header[0], header[1]);
        }
        byte[] buffer = new byte[16 * 1024];
        try (OutputStream body = connection.getOutputStream()) {
            while (left > 0) {
                int n = (int) Math.min(left, buffer.length);
                body.write(buffer, 0, n);
                left -= n;
            }
        }
        int status = connection.getResponseCode();
        InputStream answer = status < 400 ? connection.getInputStream() : connection.getErrorStream();
        // Of a 401 in streaming mode there is the status alone: HttpRetryException takes the place of the body.
        String text = answer == null ? "" : new String(answer.readAllBytes(), StandardCharsets.UTF_8);
        connection.disconnect();
        return status + "\t" + text;
    }
}
