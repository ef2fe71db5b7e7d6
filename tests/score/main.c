#include "score/groups.h"

int main(void)
{
    return test_statistics() + test_survival() + test_episodes() + test_outcomes() + test_judge() + test_calibration() +
           test_compare() + test_regress() + test_regress_chance() + test_censor() + test_sequential() + test_blind() +
           test_cost() + test_standings();
}
