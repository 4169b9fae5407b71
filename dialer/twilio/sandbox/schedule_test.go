package sandbox

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestSchedule_Order(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock := mustClock(t, monday, 60)
		lives := newSchedule(clock)
		var fired []string
		note := func(name string, after time.Duration) {
			at := monday.Add(after)
			lives.add(at, func() {
				if clock.Now().Before(at) {
					t.Errorf("%s fired before its instant", name)
				}
				fired = append(fired, name)
			})
		}
		note("third", 3*time.Minute)
		note("first", time.Minute)
		note("fourth", 3*time.Minute)
		note("second", 2*time.Minute)
		<-time.After(4 * time.Second)
		lives.close()
		if want := []string{"first", "second", "third", "fourth"}; !slices.Equal(fired, want) {
			t.Errorf("fired %v, want %v", fired, want)
		}
	})
}

func TestSchedule_AdvanceFiresPromptly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock := mustClock(t, monday, 1)
		lives := newSchedule(clock)
		defer lives.close()
		var fired []int
		for hour := range 30 {
			lives.add(monday.Add(time.Duration(hour+1)*time.Hour), func() {
				fired = append(fired, hour)
				if hour == 0 {
					// What becomes due by what fires, fires as well.
					lives.add(monday.Add(90*time.Minute), func() { fired = append(fired, 1000) })
				}
			})
		}
		synctest.Wait()
		if err := clock.Advance(24*time.Hour + time.Minute); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(fired) != 25 || fired[1] != 1000 || fired[24] != 23 {
			t.Errorf("fired %v", fired)
		}
		// The others come in their time, at another speed.
		if err := clock.SetSpeed(3600); err != nil {
			t.Fatal(err)
		}
		<-time.After(6 * time.Second)
		synctest.Wait()
		if len(fired) != 31 {
			t.Errorf("%d fired in the end, want 31", len(fired))
		}
	})
}

func TestSchedule_CloseLeavesTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lives := newSchedule(mustClock(t, monday, 1))
		lives.add(monday.Add(time.Hour), func() { t.Error("fired after close") })
		lives.close()
		<-time.After(2 * time.Hour)
	})
}
