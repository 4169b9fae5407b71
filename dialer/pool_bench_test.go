package dialer

import (
	"fmt"
	"testing"

	"github.com/hustings/hustings/consent/contact"
)

// BenchmarkCampaign_SenderFor measures the draw for one contact over pools of so
// many members.
func BenchmarkCampaign_SenderFor(b *testing.B) {
	for _, members := range []int{1, 3, 10} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			c := &campaign{job: &Job{Party: "party-a"}}
			for i := range members {
				c.senders = append(c.senders, Sender{ID: fmt.Sprint("S", i), SegmentsPerSecond: 10})
			}
			b.ReportAllocs()
			var id contact.ID
			for b.Loop() {
				id[0]++
				c.senderFor(id, nil)
			}
		})
	}
}
