import io.undertow.Undertow;
import io.undertow.servlet.Servlets;
import io.undertow.servlet.api.DeploymentInfo;
import io.undertow.servlet.api.DeploymentManager;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.File;
import java.nio.file.Files;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/**
 * One application in Tomcat, Jetty and Undertow, each on a port of its own. Every answer says in X-Place which servlet has
 * served the request. Each container is as lenient about paths as it can be told to be.
 */
public class Application {
    /** Where the servlets are, by the name of the place. */
    static final String[][] PLACES = {{"admin", "/admin/*"}, {"accounts", "/accounts/*"}, {"static", "/static/*"}, {"other", "/"}};

    public static class Place extends HttpServlet {
        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) {
            response.setHeader("X-Place", getServletName());
            response.setContentLength(0);
        }
    }

    public static void main(String[] ports) throws Exception {
        tomcat(Integer.parseInt(ports[0]));
        jetty(Integer.parseInt(ports[1]));
        undertow(Integer.parseInt(ports[2]));
    }

    static void tomcat(int port) throws Exception {
        File directory = Files.createTempDirectory("tomcat").toFile();
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(directory.getPath()); // it wants one that exists
        Connector connector = new Connector();
        connector.setPort(port);
        connector.setProperty("address", "127.0.0.1");
        connector.setProperty("allowBackslash", "true");
        connector.setProperty("relaxedPathChars", "\"<>[\\]^`{|}");
        connector.setEncodedSolidusHandling("decode");
        connector.setEncodedReverseSolidusHandling("decode");
        tomcat.setConnector(connector);
        Context context = tomcat.addContext("", directory.getPath());
        for (String[] place : PLACES) {
            Tomcat.addServlet(context, place[0], new Place());
            context.addServletMappingDecoded(place[1], place[0]);
        }
        tomcat.start();
    }

    static void jetty(int port) throws Exception {
        HttpConfiguration configuration = new HttpConfiguration();
        configuration.setUriCompliance(UriCompliance.UNSAFE);
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server, new HttpConnectionFactory(configuration));
        connector.setHost("127.0.0.1");
        connector.setPort(port);
        server.addConnector(connector);
        ServletContextHandler context = new ServletContextHandler("/");
        context.getServletHandler().setDecodeAmbiguousURIs(true);
        for (String[] place : PLACES) {
            ServletHolder holder = new ServletHolder(new Place());
            holder.setName(place[0]);
            context.addServlet(holder, place[1]);
        }
        server.setHandler(context);
        server.start();
    }

    static void undertow(int port) throws Exception {
        DeploymentInfo deployment = Servlets.deployment()
                .setClassLoader(Application.class.getClassLoader()).setContextPath("/").setDeploymentName("application");
        for (String[] place : PLACES) {
            deployment.addServlet(Servlets.servlet(place[0], Place.class).addMapping(place[1]));
        }
        DeploymentManager manager = Servlets.defaultContainer().addDeployment(deployment);
        manager.deploy();
        Undertow.builder().addHttpListener(port, "127.0.0.1").setHandler(manager.start()).build().start();
    }
}
