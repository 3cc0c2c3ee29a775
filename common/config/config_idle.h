/* Settings of Kafka that change nothing here, with Kafka's types, defaults and ranges: so a value
 * is checked and told as there, and a secret is known as one. config_table.h says what the columns
 * are; the last one says why there is no effect. In a file such a setting is named once in the log.
 * While the cluster runs it is refused with that reason, unless it says what is so anyway
 * (config_change.h). Guards (classes that would check what clients do) are refused in files too: a
 * cluster that was meant to be closed would be open without them. */
#ifndef CONFIG_IDLE_H
#define CONFIG_IDLE_H

/* What stands in front of the reason. */
#define CONFIG_IDLE       "No effect: "
#define CONFIG_NO_TLS     CONFIG_IDLE "TLS is not available yet."
#define CONFIG_NO_SASL    CONFIG_IDLE "authentication is not available yet."
#define CONFIG_NO_TIERS   CONFIG_IDLE "tiered storage is not available yet."
#define CONFIG_NO_SHARE   CONFIG_IDLE "share groups are not available yet."
#define CONFIG_NO_STREAMS CONFIG_IDLE "streams groups are not available yet."
#define CONFIG_NO_MOVES   CONFIG_IDLE "moves between log directories keep to their rate exactly."
#define CONFIG_NO_METRICS CONFIG_IDLE "there are no metrics of Java here."
#define CONFIG_NO_NEED    CONFIG_IDLE "nothing here works like what it tunes in Kafka."

/* clang-format off */
#define CONFIG_TLS_ROWS(X) \
    X(SSL_ALLOW_DN_CHANGES, "ssl.allow.dn.changes", BOOL, "false", NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_ALLOW_SAN_CHANGES, "ssl.allow.san.changes", BOOL, "false", NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_CIPHER_SUITES, "ssl.cipher.suites", LIST, "", NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_CLIENT_AUTH, "ssl.client.auth", STRING, "none", NULL, 0, 0, "required|requested|none", \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_ENABLED_PROTOCOLS, "ssl.enabled.protocols", LIST, "TLSv1.2,TLSv1.3", NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_ENDPOINT_IDENTIFICATION_ALGORITHM, "ssl.endpoint.identification.algorithm", STRING, \
      "https", NULL, 0, 0, NULL, CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, \
      CONFIG_NO_TLS) \
    X(SSL_ENGINE_FACTORY_CLASS, "ssl.engine.factory.class", CLASS, NULL, NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_KEY_PASSWORD, "ssl.key.password", PASSWORD, NULL, NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_LISTENER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_KEYMANAGER_ALGORITHM, "ssl.keymanager.algorithm", STRING, "SunX509", NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_KEYSTORE_CERTIFICATE_CHAIN, "ssl.keystore.certificate.chain", PASSWORD, NULL, NULL, 0, \
      0, NULL, CONFIG_DYNAMIC | CONFIG_PER_LISTENER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_KEYSTORE_KEY, "ssl.keystore.key", PASSWORD, NULL, NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_LISTENER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_KEYSTORE_LOCATION, "ssl.keystore.location", STRING, NULL, NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_LISTENER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_KEYSTORE_PASSWORD, "ssl.keystore.password", PASSWORD, NULL, NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_LISTENER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_KEYSTORE_TYPE, "ssl.keystore.type", STRING, "JKS", NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_LISTENER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_PRINCIPAL_MAPPING_RULES, "ssl.principal.mapping.rules", STRING, "DEFAULT", NULL, 0, 0, \
      NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_PROTOCOL, "ssl.protocol", STRING, "TLSv1.3", NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_PROVIDER, "ssl.provider", STRING, NULL, NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_SECURE_RANDOM_IMPLEMENTATION, "ssl.secure.random.implementation", STRING, NULL, NULL, \
      0, 0, NULL, CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_TRUSTMANAGER_ALGORITHM, "ssl.trustmanager.algorithm", STRING, "PKIX", NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_TRUSTSTORE_CERTIFICATES, "ssl.truststore.certificates", PASSWORD, NULL, NULL, 0, 0, \
      NULL, CONFIG_DYNAMIC | CONFIG_PER_LISTENER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_TRUSTSTORE_LOCATION, "ssl.truststore.location", STRING, NULL, NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_LISTENER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_TRUSTSTORE_PASSWORD, "ssl.truststore.password", PASSWORD, NULL, NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_LISTENER | CONFIG_NO_EFFECT, CONFIG_NO_TLS) \
    X(SSL_TRUSTSTORE_TYPE, "ssl.truststore.type", STRING, "JKS", NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_LISTENER | CONFIG_NO_EFFECT, CONFIG_NO_TLS)

#define CONFIG_SASL_ROWS(X) \
    X(CONNECTION_FAILED_AUTHENTICATION_DELAY_MS, "connection.failed.authentication.delay.ms", \
      INT, "100", NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_SASL) \
    X(CONNECTIONS_MAX_REAUTH_MS, "connections.max.reauth.ms", LONG, "0", NULL, CONFIG_MIN_LONG, \
      CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(DELEGATION_TOKEN_EXPIRY_CHECK_INTERVAL_MS, "delegation.token.expiry.check.interval.ms", \
      LONG, "3600000", NULL, 1, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_SASL) \
    X(DELEGATION_TOKEN_EXPIRY_TIME_MS, "delegation.token.expiry.time.ms", LONG, "86400000", NULL, \
      1, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(DELEGATION_TOKEN_MAX_LIFETIME_MS, "delegation.token.max.lifetime.ms", LONG, "604800000", \
      NULL, 1, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(DELEGATION_TOKEN_SECRET_KEY, "delegation.token.secret.key", PASSWORD, NULL, NULL, 0, 0, \
      NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(PRINCIPAL_BUILDER_CLASS, "principal.builder.class", CLASS, \
      "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder", NULL, 0, 0, \
      NULL, CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_CLIENT_CALLBACK_HANDLER_CLASS, "sasl.client.callback.handler.class", CLASS, NULL, \
      NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_ENABLED_MECHANISMS, "sasl.enabled.mechanisms", LIST, "GSSAPI", NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_JAAS_CONFIG, "sasl.jaas.config", PASSWORD, NULL, NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_KERBEROS_KINIT_CMD, "sasl.kerberos.kinit.cmd", STRING, "/usr/bin/kinit", NULL, 0, 0, \
      NULL, CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_KERBEROS_MIN_TIME_BEFORE_RELOGIN, "sasl.kerberos.min.time.before.relogin", LONG, \
      "60000", NULL, CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_KERBEROS_PRINCIPAL_TO_LOCAL_RULES, "sasl.kerberos.principal.to.local.rules", LIST, \
      "DEFAULT", NULL, 0, 0, NULL, CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, \
      CONFIG_NO_SASL) \
    X(SASL_KERBEROS_SERVICE_NAME, "sasl.kerberos.service.name", STRING, NULL, NULL, 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_KERBEROS_TICKET_RENEW_JITTER, "sasl.kerberos.ticket.renew.jitter", DOUBLE, "0.05", \
      NULL, CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_KERBEROS_TICKET_RENEW_WINDOW_FACTOR, "sasl.kerberos.ticket.renew.window.factor", \
      DOUBLE, "0.8", NULL, CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_LOGIN_CALLBACK_HANDLER_CLASS, "sasl.login.callback.handler.class", CLASS, NULL, NULL, \
      0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_LOGIN_CLASS, "sasl.login.class", CLASS, NULL, NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_LOGIN_CONNECT_TIMEOUT_MS, "sasl.login.connect.timeout.ms", INT, NULL, NULL, \
      CONFIG_MIN_INT, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_LOGIN_READ_TIMEOUT_MS, "sasl.login.read.timeout.ms", INT, NULL, NULL, CONFIG_MIN_INT, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_LOGIN_REFRESH_BUFFER_SECONDS, "sasl.login.refresh.buffer.seconds", SHORT, "300", NULL, \
      CONFIG_MIN_SHORT, CONFIG_MAX_SHORT, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_LOGIN_REFRESH_MIN_PERIOD_SECONDS, "sasl.login.refresh.min.period.seconds", SHORT, \
      "60", NULL, CONFIG_MIN_SHORT, CONFIG_MAX_SHORT, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_LOGIN_REFRESH_WINDOW_FACTOR, "sasl.login.refresh.window.factor", DOUBLE, "0.8", NULL, \
      CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_LOGIN_REFRESH_WINDOW_JITTER, "sasl.login.refresh.window.jitter", DOUBLE, "0.05", NULL, \
      CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, \
      CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_LOGIN_RETRY_BACKOFF_MAX_MS, "sasl.login.retry.backoff.max.ms", LONG, "10000", NULL, \
      CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_SASL) \
    X(SASL_LOGIN_RETRY_BACKOFF_MS, "sasl.login.retry.backoff.ms", LONG, "100", NULL, \
      CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_SASL) \
    X(SASL_MECHANISM_CONTROLLER_PROTOCOL, "sasl.mechanism.controller.protocol", STRING, "GSSAPI", \
      NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_MECHANISM_INTER_BROKER_PROTOCOL, "sasl.mechanism.inter.broker.protocol", STRING, \
      "GSSAPI", NULL, 0, 0, NULL, CONFIG_DYNAMIC | CONFIG_PER_BROKER | CONFIG_NO_EFFECT, \
      CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_ASSERTION_ALGORITHM, "sasl.oauthbearer.assertion.algorithm", STRING, \
      "RS256", NULL, 0, 0, "RS256|ES256", CONFIG_READ_ONLY | CONFIG_ANY_CASE | CONFIG_NO_EFFECT, \
      CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_AUD, "sasl.oauthbearer.assertion.claim.aud", STRING, NULL, \
      NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_EXP_SECONDS, \
      "sasl.oauthbearer.assertion.claim.exp.seconds", INT, "300", NULL, 0, 86400, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_ISS, "sasl.oauthbearer.assertion.claim.iss", STRING, NULL, \
      NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_JTI_INCLUDE, \
      "sasl.oauthbearer.assertion.claim.jti.include", BOOL, "false", NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_NBF_SECONDS, \
      "sasl.oauthbearer.assertion.claim.nbf.seconds", INT, "60", NULL, 0, 3600, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_SUB, "sasl.oauthbearer.assertion.claim.sub", STRING, NULL, \
      NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_ASSERTION_FILE, "sasl.oauthbearer.assertion.file", STRING, NULL, NULL, 0, \
      0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_FILE, "sasl.oauthbearer.assertion.private.key.file", \
      STRING, NULL, NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_PASSPHRASE, \
      "sasl.oauthbearer.assertion.private.key.passphrase", PASSWORD, NULL, NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_ASSERTION_TEMPLATE_FILE, "sasl.oauthbearer.assertion.template.file", \
      STRING, NULL, NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_CLIENT_CREDENTIALS_CLIENT_ID, \
      "sasl.oauthbearer.client.credentials.client.id", STRING, NULL, NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_CLIENT_CREDENTIALS_CLIENT_SECRET, \
      "sasl.oauthbearer.client.credentials.client.secret", PASSWORD, NULL, NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_CLOCK_SKEW_SECONDS, "sasl.oauthbearer.clock.skew.seconds", INT, "30", \
      NULL, CONFIG_MIN_INT, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_EXPECTED_AUDIENCE, "sasl.oauthbearer.expected.audience", LIST, "", NULL, \
      0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_EXPECTED_ISSUER, "sasl.oauthbearer.expected.issuer", STRING, NULL, NULL, \
      0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_JWKS_ENDPOINT_REFRESH_MS, "sasl.oauthbearer.jwks.endpoint.refresh.ms", \
      LONG, "3600000", NULL, CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_JWKS_ENDPOINT_RETRY_BACKOFF_MAX_MS, \
      "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", LONG, "10000", NULL, \
      CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_JWKS_ENDPOINT_RETRY_BACKOFF_MS, \
      "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", LONG, "100", NULL, CONFIG_MIN_LONG, \
      CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_JWKS_ENDPOINT_URL, "sasl.oauthbearer.jwks.endpoint.url", STRING, NULL, \
      NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_JWT_RETRIEVER_CLASS, "sasl.oauthbearer.jwt.retriever.class", CLASS, \
      "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_JWT_VALIDATOR_CLASS, "sasl.oauthbearer.jwt.validator.class", CLASS, \
      "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_SCOPE, "sasl.oauthbearer.scope", STRING, NULL, NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_SCOPE_CLAIM_NAME, "sasl.oauthbearer.scope.claim.name", STRING, "scope", \
      NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_SUB_CLAIM_NAME, "sasl.oauthbearer.sub.claim.name", STRING, "sub", NULL, 0, \
      0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL, "sasl.oauthbearer.token.endpoint.url", STRING, NULL, \
      NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_SERVER_CALLBACK_HANDLER_CLASS, "sasl.server.callback.handler.class", CLASS, NULL, \
      NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SASL_SERVER_MAX_RECEIVE_SIZE, "sasl.server.max.receive.size", INT, "524288", NULL, \
      CONFIG_MIN_INT, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL) \
    X(SECURITY_PROVIDERS, "security.providers", STRING, NULL, NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SASL)

#define CONFIG_TIERED_ROWS(X) \
    X(FOLLOWER_FETCH_LAST_TIERED_OFFSET_ENABLE, "follower.fetch.last.tiered.offset.enable", BOOL, \
      "false", NULL, 0, 0, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(LOG_LOCAL_RETENTION_BYTES, "log.local.retention.bytes", LONG, "-2", \
      "local.retention.bytes", -2, CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, \
      CONFIG_NO_TIERS) \
    X(LOG_LOCAL_RETENTION_MS, "log.local.retention.ms", LONG, "-2", "local.retention.ms", -2, \
      CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_FETCH_MAX_WAIT_MS, "remote.fetch.max.wait.ms", INT, "500", NULL, 1, CONFIG_MAX_INT, \
      NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LIST_OFFSETS_REQUEST_TIMEOUT_MS, "remote.list.offsets.request.timeout.ms", LONG, \
      "30000", NULL, 1, CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, \
      CONFIG_NO_TIERS) \
    X(REMOTE_LOG_INDEX_FILE_CACHE_TOTAL_SIZE_BYTES, \
      "remote.log.index.file.cache.total.size.bytes", LONG, "1073741824", NULL, 1, \
      CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_INDEX_FILE_CACHE_TTL_MS, "remote.log.index.file.cache.ttl.ms", LONG, "900000", \
      NULL, -1, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, \
      CONFIG_NO_TIERS) \
    X(REMOTE_LOG_MANAGER_COPIER_THREAD_POOL_SIZE, "remote.log.manager.copier.thread.pool.size", \
      INT, "10", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, \
      CONFIG_NO_TIERS) \
    X(REMOTE_LOG_MANAGER_COPY_MAX_BYTES_PER_SECOND, \
      "remote.log.manager.copy.max.bytes.per.second", LONG, CONFIG_MAX_LONG_TEXT, NULL, 1, \
      CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_MANAGER_COPY_QUOTA_WINDOW_NUM, "remote.log.manager.copy.quota.window.num", INT, \
      "11", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_MANAGER_COPY_QUOTA_WINDOW_SIZE_SECONDS, \
      "remote.log.manager.copy.quota.window.size.seconds", INT, "1", NULL, 1, CONFIG_MAX_INT, \
      NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_MANAGER_EXPIRATION_THREAD_POOL_SIZE, \
      "remote.log.manager.expiration.thread.pool.size", INT, "10", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_MANAGER_FETCH_MAX_BYTES_PER_SECOND, \
      "remote.log.manager.fetch.max.bytes.per.second", LONG, CONFIG_MAX_LONG_TEXT, NULL, 1, \
      CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_MANAGER_FETCH_QUOTA_WINDOW_NUM, "remote.log.manager.fetch.quota.window.num", \
      INT, "11", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_TIERS) \
    X(REMOTE_LOG_MANAGER_FETCH_QUOTA_WINDOW_SIZE_SECONDS, \
      "remote.log.manager.fetch.quota.window.size.seconds", INT, "1", NULL, 1, CONFIG_MAX_INT, \
      NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_MANAGER_FOLLOWER_THREAD_POOL_SIZE, \
      "remote.log.manager.follower.thread.pool.size", INT, "2", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_MANAGER_TASK_INTERVAL_MS, "remote.log.manager.task.interval.ms", LONG, "30000", \
      NULL, 1, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_MANAGER_TASK_RETRY_BACKOFF_MAX_MS, \
      "remote.log.manager.task.retry.backoff.max.ms", LONG, "30000", NULL, 1, CONFIG_MAX_LONG, \
      NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_MANAGER_TASK_RETRY_BACKOFF_MS, "remote.log.manager.task.retry.backoff.ms", LONG, \
      "500", NULL, 1, CONFIG_MAX_LONG, NULL, \
      CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_MANAGER_TASK_RETRY_JITTER, "remote.log.manager.task.retry.jitter", DOUBLE, \
      "0.2", NULL, 0, 1, NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, \
      CONFIG_NO_TIERS) \
    X(REMOTE_LOG_MANAGER_THREAD_POOL_SIZE, "remote.log.manager.thread.pool.size", INT, "2", NULL, \
      1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_METADATA_CUSTOM_METADATA_MAX_BYTES, \
      "remote.log.metadata.custom.metadata.max.bytes", INT, "128", NULL, 0, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_METADATA_MANAGER_CLASS_NAME, "remote.log.metadata.manager.class.name", STRING, \
      "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", \
      NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_FILLED | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_METADATA_MANAGER_CLASS_PATH, "remote.log.metadata.manager.class.path", STRING, \
      NULL, NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_METADATA_MANAGER_IMPL_PREFIX, "remote.log.metadata.manager.impl.prefix", STRING, \
      "rlmm.config.", NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_FILLED | CONFIG_NO_EFFECT, \
      CONFIG_NO_TIERS) \
    X(REMOTE_LOG_METADATA_MANAGER_LISTENER_NAME, "remote.log.metadata.manager.listener.name", \
      STRING, NULL, NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_FILLED | CONFIG_NO_EFFECT, \
      CONFIG_NO_TIERS) \
    X(REMOTE_LOG_READER_MAX_PENDING_TASKS, "remote.log.reader.max.pending.tasks", INT, "100", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_READER_THREADS, "remote.log.reader.threads", INT, "10", NULL, 1, CONFIG_MAX_INT, \
      NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_STORAGE_MANAGER_CLASS_NAME, "remote.log.storage.manager.class.name", STRING, \
      NULL, NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_FILLED | CONFIG_NO_EFFECT, \
      CONFIG_NO_TIERS) \
    X(REMOTE_LOG_STORAGE_MANAGER_CLASS_PATH, "remote.log.storage.manager.class.path", STRING, \
      NULL, NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TIERS) \
    X(REMOTE_LOG_STORAGE_MANAGER_IMPL_PREFIX, "remote.log.storage.manager.impl.prefix", STRING, \
      "rsm.config.", NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_FILLED | CONFIG_NO_EFFECT, \
      CONFIG_NO_TIERS) \
    X(REMOTE_LOG_STORAGE_SYSTEM_ENABLE, "remote.log.storage.system.enable", BOOL, "false", NULL, \
      0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_TIERS)

#define CONFIG_TRANSACTION_ROWS(X) \
    X(TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS, \
      "transaction.abort.timed.out.transaction.cleanup.interval.ms", INT, "10000", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_IDLE "each transaction is aborted when its own time is over.") \
    X(TRANSACTION_STATE_LOG_LOAD_BUFFER_SIZE, "transaction.state.log.load.buffer.size", INT, \
      "5242880", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_NEED) \
    X(TRANSACTION_TWO_PHASE_COMMIT_ENABLE, "transaction.two.phase.commit.enable", BOOL, "false", \
      NULL, 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_IDLE "transactions that others prepare are not available yet.")

#define CONFIG_SHARE_ROWS(X) \
    X(GROUP_SHARE_ASSIGNMENT_INTERVAL_MS, "group.share.assignment.interval.ms", INT, "1000", \
      NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_ASSIGNORS, "group.share.assignors", LIST, "simple", NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_FILLED | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_DELIVERY_COUNT_LIMIT, "group.share.delivery.count.limit", INT, "5", NULL, 2, \
      10, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_HEARTBEAT_INTERVAL_MS, "group.share.heartbeat.interval.ms", INT, "5000", NULL, \
      1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_INITIALIZE_RETRY_INTERVAL_MS, "group.share.initialize.retry.interval.ms", INT, \
      "30000", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_MAX_ASSIGNMENT_INTERVAL_MS, "group.share.max.assignment.interval.ms", INT, \
      "15000", NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_SHARE) \
    X(GROUP_SHARE_MAX_DELIVERY_COUNT_LIMIT, "group.share.max.delivery.count.limit", INT, "10", \
      NULL, 5, 25, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS, "group.share.max.heartbeat.interval.ms", INT, \
      "15000", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_SHARE) \
    X(GROUP_SHARE_MAX_PARTITION_MAX_RECORD_LOCKS, "group.share.max.partition.max.record.locks", \
      INT, "4000", NULL, 2000, 10000, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_MAX_RECORD_LOCK_DURATION_MS, "group.share.max.record.lock.duration.ms", INT, \
      "60000", NULL, 30000, 3600000, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_MAX_SESSION_TIMEOUT_MS, "group.share.max.session.timeout.ms", INT, "60000", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_MAX_SHARE_SESSIONS, "group.share.max.share.sessions", INT, "2000", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_MAX_SIZE, "group.share.max.size", INT, "200", NULL, 1, 1000, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_MIN_ASSIGNMENT_INTERVAL_MS, "group.share.min.assignment.interval.ms", INT, "0", \
      NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_MIN_DELIVERY_COUNT_LIMIT, "group.share.min.delivery.count.limit", INT, "2", \
      NULL, 2, 5, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS, "group.share.min.heartbeat.interval.ms", INT, \
      "5000", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_SHARE) \
    X(GROUP_SHARE_MIN_PARTITION_MAX_RECORD_LOCKS, "group.share.min.partition.max.record.locks", \
      INT, "100", NULL, 100, 2000, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_MIN_RECORD_LOCK_DURATION_MS, "group.share.min.record.lock.duration.ms", INT, \
      "15000", NULL, 1000, 30000, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_MIN_SESSION_TIMEOUT_MS, "group.share.min.session.timeout.ms", INT, "45000", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_PARTITION_MAX_RECORD_LOCKS, "group.share.partition.max.record.locks", INT, \
      "2000", NULL, 100, 10000, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_PERSISTER_CLASS_NAME, "group.share.persister.class.name", STRING, \
      "org.apache.kafka.server.share.persister.DefaultStatePersister", NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_RECORD_LOCK_DURATION_MS, "group.share.record.lock.duration.ms", INT, "30000", \
      NULL, 1000, 3600000, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(GROUP_SHARE_SESSION_TIMEOUT_MS, "group.share.session.timeout.ms", INT, "45000", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(SHARE_COORDINATOR_APPEND_LINGER_MS, "share.coordinator.append.linger.ms", INT, "-1", NULL, \
      -1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(SHARE_COORDINATOR_CACHED_BUFFER_MAX_BYTES, "share.coordinator.cached.buffer.max.bytes", \
      INT, "1048588", NULL, 524288, CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, \
      CONFIG_NO_SHARE) \
    X(SHARE_COORDINATOR_COLD_PARTITION_SNAPSHOT_INTERVAL_MS, \
      "share.coordinator.cold.partition.snapshot.interval.ms", INT, "300000", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, \
      CONFIG_NO_SHARE) \
    X(SHARE_COORDINATOR_LOAD_BUFFER_SIZE, "share.coordinator.load.buffer.size", INT, "5242880", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(SHARE_COORDINATOR_SNAPSHOT_UPDATE_RECORDS_PER_SNAPSHOT, \
      "share.coordinator.snapshot.update.records.per.snapshot", INT, "500", NULL, 0, 500, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(SHARE_COORDINATOR_STATE_TOPIC_COMPRESSION_CODEC, \
      "share.coordinator.state.topic.compression.codec", INT, "0", NULL, CONFIG_MIN_INT, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR, "share.coordinator.state.topic.min.isr", SHORT, "2", \
      NULL, 1, CONFIG_MAX_SHORT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(SHARE_COORDINATOR_STATE_TOPIC_NUM_PARTITIONS, \
      "share.coordinator.state.topic.num.partitions", INT, "50", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(SHARE_COORDINATOR_STATE_TOPIC_PRUNE_INTERVAL_MS, \
      "share.coordinator.state.topic.prune.interval.ms", INT, "300000", NULL, 1, CONFIG_MAX_INT, \
      NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR, \
      "share.coordinator.state.topic.replication.factor", SHORT, "3", NULL, 1, CONFIG_MAX_SHORT, \
      NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(SHARE_COORDINATOR_STATE_TOPIC_SEGMENT_BYTES, "share.coordinator.state.topic.segment.bytes", \
      INT, "104857600", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_SHARE) \
    X(SHARE_COORDINATOR_THREADS, "share.coordinator.threads", INT, "1", NULL, 1, CONFIG_MAX_INT, \
      NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(SHARE_COORDINATOR_WRITE_TIMEOUT_MS, "share.coordinator.write.timeout.ms", INT, "5000", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE) \
    X(SHARE_FETCH_PURGATORY_PURGE_INTERVAL_REQUESTS, \
      "share.fetch.purgatory.purge.interval.requests", INT, "1000", NULL, CONFIG_MIN_INT, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_SHARE)

#define CONFIG_STREAMS_ROWS(X) \
    X(GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS, "group.streams.assignment.interval.ms", INT, "1000", \
      NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_STREAMS) \
    X(GROUP_STREAMS_HEARTBEAT_INTERVAL_MS, "group.streams.heartbeat.interval.ms", INT, "5000", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_STREAMS) \
    X(GROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS, "group.streams.initial.rebalance.delay.ms", INT, \
      "3000", NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_STREAMS) \
    X(GROUP_STREAMS_MAX_ASSIGNMENT_INTERVAL_MS, "group.streams.max.assignment.interval.ms", INT, \
      "15000", NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_STREAMS) \
    X(GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS, "group.streams.max.heartbeat.interval.ms", INT, \
      "15000", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_STREAMS) \
    X(GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS, "group.streams.max.session.timeout.ms", INT, "60000", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_STREAMS) \
    X(GROUP_STREAMS_MAX_SIZE, "group.streams.max.size", INT, CONFIG_MAX_INT_TEXT, NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_STREAMS) \
    X(GROUP_STREAMS_MAX_STANDBY_REPLICAS, "group.streams.max.standby.replicas", INT, "2", NULL, \
      0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_STREAMS) \
    X(GROUP_STREAMS_MIN_ASSIGNMENT_INTERVAL_MS, "group.streams.min.assignment.interval.ms", INT, \
      "0", NULL, 0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_STREAMS) \
    X(GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS, "group.streams.min.heartbeat.interval.ms", INT, \
      "5000", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_STREAMS) \
    X(GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS, "group.streams.min.session.timeout.ms", INT, "45000", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_STREAMS) \
    X(GROUP_STREAMS_NUM_STANDBY_REPLICAS, "group.streams.num.standby.replicas", INT, "0", NULL, \
      0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_STREAMS) \
    X(GROUP_STREAMS_SESSION_TIMEOUT_MS, "group.streams.session.timeout.ms", INT, "45000", NULL, \
      1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_STREAMS)

#define CONFIG_QUOTA_ROWS(X) \
    X(ALTER_LOG_DIRS_REPLICATION_QUOTA_WINDOW_NUM, "alter.log.dirs.replication.quota.window.num", \
      INT, "11", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_MOVES) \
    X(ALTER_LOG_DIRS_REPLICATION_QUOTA_WINDOW_SIZE_SECONDS, \
      "alter.log.dirs.replication.quota.window.size.seconds", INT, "1", NULL, 1, CONFIG_MAX_INT, \
      NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_MOVES) \
    X(CLIENT_QUOTA_CALLBACK_CLASS, "client.quota.callback.class", CLASS, NULL, NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_GUARD, "No class decides about quotas: remove the setting.")

#define CONFIG_METRICS_ROWS(X) \
    X(KAFKA_METRICS_POLLING_INTERVAL_SECS, "kafka.metrics.polling.interval.secs", INT, "10", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_METRICS) \
    X(KAFKA_METRICS_REPORTERS, "kafka.metrics.reporters", LIST, "", NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_METRICS) \
    X(METRIC_REPORTERS, "metric.reporters", LIST, "org.apache.kafka.common.metrics.JmxReporter", \
      NULL, 0, 0, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_METRICS) \
    X(METRICS_NUM_SAMPLES, "metrics.num.samples", INT, "2", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_METRICS) \
    X(METRICS_RECORDING_LEVEL, "metrics.recording.level", STRING, "INFO", NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_METRICS) \
    X(METRICS_SAMPLE_WINDOW_MS, "metrics.sample.window.ms", LONG, "30000", NULL, 1, \
      CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_METRICS)

#define CONFIG_OTHER_ROWS(X) \
    X(LOG_MESSAGE_TIMESTAMP_DIFFERENCE_MAX_MS, "log.message.timestamp.difference.max.ms", LONG, \
      CONFIG_MAX_LONG_TEXT, "message.timestamp.difference.max.ms", 0, CONFIG_MAX_LONG, NULL, \
      CONFIG_DYNAMIC | CONFIG_NO_EFFECT | CONFIG_NOT_TOLD, \
      CONFIG_IDLE "message.timestamp.before.max.ms and message.timestamp.after.max.ms have taken " \
      "its place.") \
    X(LOG_MESSAGE_FORMAT_VERSION, "log.message.format.version", STRING, "3.0-IV1", \
      "message.format.version", 0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT | CONFIG_NOT_TOLD, \
      CONFIG_IDLE "batches are always of format 2.") \
    X(LOG_MESSAGE_DOWNCONVERSION_ENABLE, "log.message.downconversion.enable", BOOL, "true", \
      "message.downconversion.enable", 0, 0, NULL, \
      CONFIG_DYNAMIC | CONFIG_NO_EFFECT | CONFIG_NOT_TOLD, \
      CONFIG_IDLE "batches are always converted for clients that know no others.") \
    X(NUM_RECOVERY_THREADS_PER_DATA_DIR, "num.recovery.threads.per.data.dir", INT, "2", NULL, 1, \
      CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(NUM_REPLICA_FETCHERS, "num.replica.fetchers", INT, "1", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(ALTER_CONFIG_POLICY_CLASS_NAME, "alter.config.policy.class.name", CLASS, NULL, NULL, 0, 0, \
      NULL, CONFIG_READ_ONLY | CONFIG_GUARD, \
      "Changes of settings can't be checked by a Java class: remove the setting. What new topics " \
      "must keep can be written in create.topic.policy.") \
    X(AUTHORIZER_CLASS_NAME, "authorizer.class.name", STRING, "", NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_GUARD, \
      "Access control is not available yet: remove the setting, and let only trusted hosts reach " \
      "the listeners.") \
    X(BACKGROUND_THREADS, "background.threads", INT, "10", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(CONTROLLER_PERFORMANCE_ALWAYS_LOG_THRESHOLD_MS, \
      "controller.performance.always.log.threshold.ms", LONG, "2000", NULL, 0, CONFIG_MAX_LONG, \
      NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(CONTROLLER_PERFORMANCE_SAMPLE_PERIOD_MS, "controller.performance.sample.period.ms", LONG, \
      "60000", NULL, 100, CONFIG_MAX_LONG, NULL, \
      CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(CONTROLLER_QUORUM_APPEND_LINGER_MS, "controller.quorum.append.linger.ms", INT, "25", NULL, \
      0, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(CONTROLLER_QUORUM_FETCH_MAX_BYTES, "controller.quorum.fetch.max.bytes", INT, "1048576", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(CONTROLLER_QUORUM_FETCH_SNAPSHOT_MAX_BYTES, "controller.quorum.fetch.snapshot.max.bytes", \
      INT, "1048576", NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_NEED) \
    X(CONTROLLER_SOCKET_TIMEOUT_MS, "controller.socket.timeout.ms", INT, "30000", NULL, \
      CONFIG_MIN_INT, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(DELETE_RECORDS_PURGATORY_PURGE_INTERVAL_REQUESTS, \
      "delete.records.purgatory.purge.interval.requests", INT, "1", NULL, CONFIG_MIN_INT, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(EARLY_START_LISTENERS, "early.start.listeners", LIST, NULL, NULL, 0, 0, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(FETCH_PURGATORY_PURGE_INTERVAL_REQUESTS, "fetch.purgatory.purge.interval.requests", INT, \
      "1000", NULL, CONFIG_MIN_INT, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_NEED) \
    X(GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS, "group.consumer.regex.refresh.interval.ms", INT, \
      "600000", NULL, 10000, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(GROUP_COORDINATOR_BACKGROUND_THREADS, "group.coordinator.background.threads", INT, "2", \
      NULL, 1, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(GROUP_COORDINATOR_CACHED_BUFFER_MAX_BYTES, "group.coordinator.cached.buffer.max.bytes", \
      INT, "1048588", NULL, 524288, CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, \
      CONFIG_NO_NEED) \
    X(INTERNAL_METADATA_DELETE_DELAY_MILLIS, "internal.metadata.delete.delay.millis", LONG, \
      "60000", NULL, CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, \
      CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(INTERNAL_METADATA_LOG_SEGMENT_BYTES, "internal.metadata.log.segment.bytes", INT, NULL, \
      NULL, CONFIG_MIN_INT, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(INTERNAL_METADATA_MAX_BATCH_SIZE_IN_BYTES, "internal.metadata.max.batch.size.in.bytes", \
      INT, "8388608", NULL, CONFIG_MIN_INT, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(LOG_CLEANER_IO_BUFFER_LOAD_FACTOR, "log.cleaner.io.buffer.load.factor", DOUBLE, "0.9", \
      NULL, CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, \
      CONFIG_NO_NEED) \
    X(LOG_CLEANER_IO_BUFFER_SIZE, "log.cleaner.io.buffer.size", INT, "524288", NULL, 0, \
      CONFIG_MAX_INT, NULL, CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(LOG_CLEANER_IO_MAX_BYTES_PER_SECOND, "log.cleaner.io.max.bytes.per.second", DOUBLE, \
      "1.7976931348623157E308", NULL, CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, \
      CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(LOG_CLEANER_THREADS, "log.cleaner.threads", INT, "1", NULL, 0, CONFIG_MAX_INT, NULL, \
      CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(LOG_DIR_FAILURE_TIMEOUT_MS, "log.dir.failure.timeout.ms", LONG, "30000", NULL, 1, \
      CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(LOG_INITIAL_TASK_DELAY_MS, "log.initial.task.delay.ms", LONG, "30000", NULL, 0, \
      CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, \
      CONFIG_NO_NEED) \
    X(METADATA_LOG_SEGMENT_BYTES, "metadata.log.segment.bytes", INT, "1073741824", NULL, 8388608, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(METADATA_LOG_SEGMENT_MS, "metadata.log.segment.ms", LONG, "604800000", NULL, \
      CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_NEED) \
    X(METADATA_MAX_IDLE_INTERVAL_MS, "metadata.max.idle.interval.ms", INT, "500", NULL, 0, \
      CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(METADATA_MAX_RETENTION_BYTES, "metadata.max.retention.bytes", LONG, "104857600", NULL, \
      CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_NEED) \
    X(METADATA_MAX_RETENTION_MS, "metadata.max.retention.ms", LONG, "604800000", NULL, \
      CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_NEED) \
    X(NUM_IO_THREADS, "num.io.threads", INT, "8", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(NUM_NETWORK_THREADS, "num.network.threads", INT, "3", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_DYNAMIC | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(NUM_REPLICA_ALTER_LOG_DIRS_THREADS, "num.replica.alter.log.dirs.threads", INT, NULL, NULL, \
      CONFIG_MIN_INT, CONFIG_MAX_INT, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(PRODUCER_ID_EXPIRATION_CHECK_INTERVAL_MS, "producer.id.expiration.check.interval.ms", INT, \
      "600000", NULL, 1, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(PRODUCER_PURGATORY_PURGE_INTERVAL_REQUESTS, "producer.purgatory.purge.interval.requests", \
      INT, "1000", NULL, CONFIG_MIN_INT, CONFIG_MAX_INT, NULL, \
      CONFIG_READ_ONLY | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(SERVER_MAX_STARTUP_TIME_MS, "server.max.startup.time.ms", LONG, CONFIG_MAX_LONG_TEXT, NULL, \
      0, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, \
      CONFIG_NO_NEED) \
    X(SOCKET_CONNECTION_SETUP_TIMEOUT_MAX_MS, "socket.connection.setup.timeout.max.ms", LONG, \
      "30000", NULL, CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_NEED) \
    X(SOCKET_CONNECTION_SETUP_TIMEOUT_MS, "socket.connection.setup.timeout.ms", LONG, "10000", \
      NULL, CONFIG_MIN_LONG, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NO_EFFECT, \
      CONFIG_NO_NEED) \
    X(UNCLEAN_LEADER_ELECTION_INTERVAL_MS, "unclean.leader.election.interval.ms", LONG, "300000", \
      NULL, 1, CONFIG_MAX_LONG, NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, \
      CONFIG_NO_NEED) \
    X(UNSTABLE_API_VERSIONS_ENABLE, "unstable.api.versions.enable", BOOL, "false", NULL, 0, 0, \
      NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, CONFIG_NO_NEED) \
    X(UNSTABLE_FEATURE_VERSIONS_ENABLE, "unstable.feature.versions.enable", BOOL, "false", NULL, \
      0, 0, NULL, CONFIG_READ_ONLY | CONFIG_NOT_TOLD | CONFIG_NO_EFFECT, CONFIG_NO_NEED)

/* clang-format on */

#define CONFIG_IDLE_LIST(X)                                                                        \
    CONFIG_TLS_ROWS(X)                                                                             \
    CONFIG_SASL_ROWS(X)                                                                            \
    CONFIG_TIERED_ROWS(X)                                                                          \
    CONFIG_TRANSACTION_ROWS(X)                                                                     \
    CONFIG_SHARE_ROWS(X)                                                                           \
    CONFIG_STREAMS_ROWS(X)                                                                         \
    CONFIG_QUOTA_ROWS(X)                                                                           \
    CONFIG_METRICS_ROWS(X)                                                                         \
    CONFIG_OTHER_ROWS(X)

#endif
