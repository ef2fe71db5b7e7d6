#include "groups.h"

int main(void)
{
    return test_answers() + test_questions() + test_page() + test_schema() + test_behind() + test_webhook() +
           test_rules() + test_routes() + test_watched() + test_findings() + test_webhook_server() +
           test_prometheus_config();
}
