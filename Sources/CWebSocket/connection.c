#include "connection.h"

#include <stdlib.h>

#define DEFAULT_MAX_OUTPUT (256U << 10)
#define DEFAULT_MAX_FRAGMENT (128U << 10)

cws_connection *cws_connection_new(const struct cws_connection_config *config)
{
    struct cws_connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->config = *config;
    if (config->max_output == 0)
        connection->config.max_output = DEFAULT_MAX_OUTPUT;
    if (config->max_fragment == 0)
        connection->config.max_fragment = DEFAULT_MAX_FRAGMENT;
    return connection;
}

void cws_connection_free(cws_connection *connection)
{
    if (!connection)
        return;
    cws_buffer_clear(&connection->in.gathered);
    cws_buffer_clear(&connection->out.output);
    cws_inflater_free(connection->in.inflater);
    cws_deflater_free(connection->out.deflater);
    free(connection);
}

enum cws_state cws_connection_state(const cws_connection *connection)
{
    return connection->state;
}

size_t cws_connection_memory(const cws_connection *connection)
{
    return sizeof *connection + connection->in.gathered.capacity + connection->out.output.capacity;
}
